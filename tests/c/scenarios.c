/* Whole conversations, and section 1 of close-events.md: the invariants that
   hold over all others. */
#include "support/scenario.h"

#define AROUND_4096                                                        \
    "textn 4085; textn 4096; textn 9000; binn 4085; binn 4096; binn 9000;" \
    "close 1000; expect-close; half-close"
#define AROUND_4096_LOG                                                    \
    OPEN "text/1 <4085 bytes, *>\ntext/1 <4096 bytes, *>\n"                \
         "text/1 <9000 bytes, *>\n"                                        \
         "binary/1 <4085 bytes, *>\nbinary/1 <4096 bytes, *>\n"            \
         "binary/1 <9000 bytes, *>\n" CLEAN("1000", "", "1000", "peer")

static const struct row conversations[] = {
    {.name = "hello, and a clean end by us",
     .script = "expect-text hello; text world; answer-close; half-close",
     .client = "open text hello; message close 1000 done",
     .log = OPEN "text/1 \"world\"\n" CLEAN("1000", "done", "1000", "local"),
     .frames = "text \"hello\"\nclose 1000 \"done\"\n",
     .end = "fin"},
    {.name = "both kinds and all forms of length",
     .script = "textn 0; textn 125; textn 126; textn 65535; textn 65536;"
               "binn 0; binn 125; binn 126; binn 65535; binn 65536;"
               "close 1000; expect-close; half-close",
     .log = OPEN "text/1 \"\"\ntext/1 \"abcd*\"\ntext/1 \"abcd*\"\n"
                 "text/1 <65535 bytes, *>\ntext/1 <65536 bytes, *>\n"
                 "binary/1 \"\"\nbinary/1 \"*\"\nbinary/1 \"*\"\n"
                 "binary/1 <65535 bytes, *>\nbinary/1 <65536 bytes, *>\n"
                 CLEAN("1000", "", "1000", "peer"),
     .frames = "close 1000 \"\"\n"},
    {.name = "messages around the size of a small read buffer",
     .script = AROUND_4096,
     .config = "read-buffer 4096",
     .log = AROUND_4096_LOG},
    {.name = "the same in a wide one",
     .script = AROUND_4096,
     .config = "read-buffer 1048576",
     .log = AROUND_4096_LOG},
    {.name = "messages around the size of a wide read buffer",
     .script = "textn 90000; binn 90000; textn 100000; binn 100000;"
               "textn 250000; binn 250000; close 1000; expect-close; half-close",
     .config = "read-buffer 100000",
     .log = OPEN "text/1 <90000 bytes, *>\nbinary/1 <90000 bytes, *>\n"
                 "text/1 <100000 bytes, *>\nbinary/1 <100000 bytes, *>\n"
                 "text/1 <250000 bytes, *>\nbinary/1 <250000 bytes, *>\n"
                 CLEAN("1000", "", "1000", "peer"),
     .flags = WHOLE_ONLY},
    {.name = "fragments, with control frames between them",
     .script = "frame fin=0 text=a; ping 1; frame opcode=cont fin=0 text=b;"
               "pong 2; frame opcode=cont text=c; frame opcode=bin fin=0;"
               "frame opcode=cont; expect-pong 1; close 1000; expect-close;"
               "half-close",
     .log = OPEN "text/1 \"abc\"\nbinary/1 \"\"\n" CLEAN("1000", "", "1000",
                                                         "peer"),
     .frames = "pong \"1\"\nclose 1000 \"\"\n"},
    {.name = "an answer to each message",
     .script = "repeat 20 text x; recvn 20; close 3001 enough; expect-close;"
               "half-close",
     .client = "message text y",
     .log = OPEN
     "text/1 \"x\"\ntext/1 \"x\"\ntext/1 \"x\"\ntext/1 \"x\"\ntext/1 \"x\"\n"
     "text/1 \"x\"\ntext/1 \"x\"\ntext/1 \"x\"\ntext/1 \"x\"\ntext/1 \"x\"\n"
     "text/1 \"x\"\ntext/1 \"x\"\ntext/1 \"x\"\ntext/1 \"x\"\ntext/1 \"x\"\n"
     "text/1 \"x\"\ntext/1 \"x\"\ntext/1 \"x\"\ntext/1 \"x\"\ntext/1 \"x\"\n"
         CLEAN("3001", "enough", "3001", "peer")},
    {.name = "a message in the same segment as the 101",
     .script = "accept hold; text early; flush; answer-close; half-close",
     .client = "message close 1000",
     .log = OPEN "text/1 \"early\"\n" CLEAN("1000", "", "1000", "local"),
     .frames = "close 1000 \"\"\n"},
    {.name = "a 16 KiB header and a large message in the same segment",
     .script = "accept hold bigheader=16000; binn 200000; flush;"
               "answer-close; half-close",
     .client = "message close 1000",
     .log = OPEN "binary/1 <200000 bytes, *>\n" CLEAN("1000", "", "1000",
                                                      "local"),
     .frames = "close 1000 \"\"\n"},
};

static const struct row invariants[] = {
    {.name = "pause keeps everything back, close discards it",
     .script = "text one; expect-text go; text two; answer-close; half-close",
     .client = "message1 text go; message1 pause; message1 close 1000",
     .log = OPEN "text/1 \"one\"\n" CLEAN("1000", "", "1000", "local"),
     .frames = "text \"go\"\nclose 1000 \"\"\n"},
    {.name = "a pause that is resumed from another thread",
     .script = "text one; text two; wait $ID-s; close 1000; expect-close;"
               "half-close",
     .client = "before pause; beside wait-state 1; beside resume;"
               "message2 signal $ID-s",
     .log = OPEN "text/1 \"one\"\ntext/1 \"two\"\n" CLEAN("1000", "", "1000",
                                                          "peer"),
     .frames = "close 1000 \"\"\n"},
    {.name = "the server's Close waits behind a pause",
     .script = "accept hold; text one; close 1000 x; flush; wait $ID-p;"
               "mark $ID-q; expect-close; half-close",
     .client = "message1 pause; message1 signal $ID-p; beside mark $ID-q;"
               "beside resume",
     .log = OPEN "text/1 \"one\"\n" CLEAN("1000", "x", "1000", "peer"),
     .frames = "close 1000 \"x\"\n"},
    {.name = "a ping waits behind a pause, sending goes on",
     .script = "text one; wait $ID-p; ping a; sleep 100; mark $ID-q;"
               "expect-text before; expect-pong a; text two; answer-close;"
               "half-close",
     .client = "message1 pause; message1 signal $ID-p; beside mark $ID-q;"
               "beside text before; beside resume; message2 close 1000",
     .log = OPEN "text/1 \"one\"\ntext/1 \"two\"\n" CLEAN("1000", "", "1000",
                                                          "local"),
     .frames = "text \"before\"\npong \"a\"\nclose 1000 \"\"\n"},
    {.name = "5+3 queued, 3 left, +4, +10",
     .script = "answer-close; half-close",
     .client = "open text 12345; open close 1000; open text 123;"
               "close buffered; close text 1234; close buffered;"
               "close binary 10; close buffered",
     .log = OPEN "  text = WSKT_ERR_CLOSED\n" CLEAN("1000", "", "1000",
                                                    "local")
         "  buffered 3\n  text = WSKT_ERR_CLOSED\n  buffered 7\n"
         "  binary = WSKT_ERR_CLOSED\n  buffered 17\nbuffered=17\n",
     .frames = "text \"12345\"\nclose 1000 \"\"\n"},
    {.name = "drain comes after open, before the next message",
     .script = "recv; text x; answer-close; half-close",
     .client = "open binary 1; message close 1000",
     .config = "marks 0 1",
     .log = OPEN "drain/1\ntext/1 \"x\"\n" CLEAN("1000", "", "1000", "local"),
     .frames = "binary \"\\x00\"\nclose 1000 \"\"\n"},
    {.name = "abort in the error handler",
     .script = "text x; expect-fin",
     .client = "message abort; error abort; error close 1000; close abort",
     .log = OPEN "text/1 \"x\"\n" FAILED("abort", "aborted by the program"),
     .frames = "",
     .flags = ANY_ERRORS},
};

int main(void) {
    begin();
    ROWS(conversations);
    ROWS(invariants);
    return rows_result();
}
