/* close-events.md, sections 2 and 3: close(code, reason) in every state, and
   the closing handshake. */
#include "support/scenario.h"

#define ANSWER "answer-close; half-close"
#define BYE123                                                               \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LOCALLY "closed by the program while connecting"

static const struct row arguments[] = {
    {.name = "no code, no reason",
     .script = "expect-close empty; close; half-close",
     .client = "open close",
     .log = OPEN CLEAN("1005", "", "0", "local"),
     .frames = "close empty\n",
     .end = "fin"},
    {.name = "1000",
     .script = ANSWER,
     .client = "open close 1000",
     .log = OPEN CLEAN("1000", "", "1000", "local"),
     .frames = "close 1000 \"\"\n",
     .end = "fin"},
    {.name = "1000 with a reason",
     .script = ANSWER,
     .client = "open close 1000 so long",
     .log = OPEN CLEAN("1000", "so long", "1000", "local"),
     .frames = "close 1000 \"so long\"\n",
     .end = "fin"},
    {.name = "3000",
     .script = ANSWER,
     .client = "open close 3000 a",
     .log = OPEN CLEAN("3000", "a", "3000", "local"),
     .frames = "close 3000 \"a\"\n",
     .end = "fin"},
    {.name = "3999",
     .script = ANSWER,
     .client = "open close 3999 a",
     .log = OPEN CLEAN("3999", "a", "3999", "local"),
     .frames = "close 3999 \"a\"\n",
     .end = "fin"},
    {.name = "4000",
     .script = ANSWER,
     .client = "open close 4000 a",
     .log = OPEN CLEAN("4000", "a", "4000", "local"),
     .frames = "close 4000 \"a\"\n",
     .end = "fin"},
    {.name = "4999",
     .script = ANSWER,
     .client = "open close 4999 a",
     .log = OPEN CLEAN("4999", "a", "4999", "local"),
     .frames = "close 4999 \"a\"\n",
     .end = "fin"},
    {.name = "U+0000 and four-byte characters in the reason",
     .script = ANSWER,
     .client = "open close 4001 hex:6100f09f92a9c3a9",
     .log = OPEN CLEAN("4001", "a\\x00\\xf0\\x9f\\x92\\xa9\\xc3\\xa9",
                       "4001", "local"),
     .frames = "close 4001 \"a\\x00\\xf0\\x9f\\x92\\xa9\\xc3\\xa9\"\n",
     .end = "fin"},
    {.name = "codes that may not be sent",
     .script = ANSWER,
     .client = "open close 1; open close 999 x; open close 1001;"
               "open close 1002; open close 1005; open close 1006;"
               "open close 1014; open close 1015; open close 2999;"
               "open close 5000; open close 65535; open close 1000 done",
     .log = OPEN
     "  close = WSKT_ERR_INVALID_ACCESS\n  close = WSKT_ERR_INVALID_ACCESS\n"
     "  close = WSKT_ERR_INVALID_ACCESS\n  close = WSKT_ERR_INVALID_ACCESS\n"
     "  close = WSKT_ERR_INVALID_ACCESS\n  close = WSKT_ERR_INVALID_ACCESS\n"
     "  close = WSKT_ERR_INVALID_ACCESS\n  close = WSKT_ERR_INVALID_ACCESS\n"
     "  close = WSKT_ERR_INVALID_ACCESS\n  close = WSKT_ERR_INVALID_ACCESS\n"
     "  close = WSKT_ERR_INVALID_ACCESS\n" CLEAN("1000", "done", "1000",
                                                 "local"),
     .frames = "close 1000 \"done\"\n",
     .end = "fin"},
    {.name = "the code is checked before the reason, in every state",
     .script = ANSWER,
     .client = "before close 1001; open close 1001 rep:x:124;"
               "open close 1000 a; open close 2000; close close 999;"
               "close close 1000 rep:x:124",
     .log = "  close = WSKT_ERR_INVALID_ACCESS\n" OPEN
            "  close = WSKT_ERR_INVALID_ACCESS\n"
            "  close = WSKT_ERR_INVALID_ACCESS\n" CLEAN("1000", "a", "1000",
                                                        "local")
            "  close = WSKT_ERR_INVALID_ACCESS\n"
            "  close = WSKT_ERR_SYNTAX\n",
     .frames = "close 1000 \"a\"\n",
     .end = "fin"},
    {.name = "a reason of 124 bytes, then of 123",
     .script = ANSWER,
     .client = "open close 1000 rep:x:124; open close 1000 rep:x:123",
     .log = OPEN "  close = WSKT_ERR_SYNTAX\n" CLEAN("1000", BYE123, "1000",
                                                     "local"),
     .frames = "close 1000 \"" BYE123 "\"\n",
     .end = "fin"},
    {.name = "a reason that is not UTF-8, or cut inside a character",
     .script = ANSWER,
     .client = "open close 1000 hex:61ff; open close 1000 hex:e282;"
               "open close 1000 hex:eda080; open close 3000 x",
     .log = OPEN "  close = WSKT_ERR_INVALID_UTF8\n"
                 "  close = WSKT_ERR_INVALID_UTF8\n"
                 "  close = WSKT_ERR_INVALID_UTF8\n" CLEAN("3000", "x",
                                                           "3000", "local"),
     .frames = "close 3000 \"x\"\n",
     .end = "fin"},
    {.name = "a reason without a code",
     .script = ANSWER,
     .client = "open close 0 x; open close 3000 x",
     .log = OPEN "  close = WSKT_ERR_INVALID_ARGUMENT\n" CLEAN(
         "3000", "x", "3000", "local"),
     .frames = "close 3000 \"x\"\n",
     .end = "fin"},
};

static const struct row states[] = {
    {.name = "close before open",
     .client = "before close 1000 x",
     .log = FAILED("local", LOCALLY) "  start = WSKT_ERR_INVALID_STATE\n",
     .browser = HIDDEN "  start = WSKT_ERR_INVALID_STATE\n",
     .flags = NO_REPORT},
    {.name = "abort before open",
     .client = "before abort",
     .log = FAILED("abort", "aborted by the program")
         "  start = WSKT_ERR_INVALID_STATE\n",
     .browser = HIDDEN "  start = WSKT_ERR_INVALID_STATE\n",
     .flags = NO_REPORT},
    {.name = "close while the upgrade is not answered",
     .script = "none; mark $ID-m; wait $ID-s; accept",
     .client = "beside mark $ID-m; beside close 1000 x; beside signal $ID-s",
     .log = FAILED("local", LOCALLY),
     .browser = HIDDEN,
     .frames = "",
     .flags = WHOLE_ONLY | ANY_ERRORS},
    {.name = "abort while the upgrade is not answered",
     .script = "none; mark $ID-m; wait $ID-s; accept",
     .client = "beside mark $ID-m; beside abort; beside signal $ID-s",
     .log = FAILED("abort", "aborted by the program"),
     .browser = HIDDEN,
     .frames = "",
     .flags = WHOLE_ONLY | ANY_ERRORS},
    {.name = "a second close in CLOSING and in CLOSED",
     .script = ANSWER,
     .client = "open close 3001 a; open close 3002 b; open close;"
               "close close 3003 c",
     .log = OPEN CLEAN("3001", "a", "3001", "local"),
     .frames = "close 3001 \"a\"\n",
     .end = "fin"},
    {.name = "send while connecting",
     .script = "expect-close; close 1000; half-close",
     .client = "before text x; before binary 3; before ping p;"
               "open close 1000",
     .log = "  text = WSKT_ERR_INVALID_STATE\n"
            "  binary = WSKT_ERR_INVALID_STATE\n"
            "  ping = WSKT_ERR_INVALID_STATE\n" OPEN CLEAN("1000", "", "1000",
                                                           "local"),
     .frames = "close 1000 \"\"\n",
     .end = "fin"},
    {.name = "send in CLOSING and in CLOSED counts as buffered",
     .script = ANSWER,
     .client = "open close 1000; open text abc; open buffered; open ping p;"
               "open binary 4; open buffered; close text 0123456789;"
               "close buffered",
     .log = OPEN "  text = WSKT_ERR_CLOSED\n  buffered 3\n"
                 "  ping = WSKT_ERR_CLOSED\n  binary = WSKT_ERR_CLOSED\n"
                 "  buffered 7\n" CLEAN("1000", "", "1000", "local")
                     "  text = WSKT_ERR_CLOSED\n  buffered 17\nbuffered=17\n",
     .frames = "close 1000 \"\"\n",
     .end = "fin"},
    {.name = "what was sent before close goes out first",
     .script = ANSWER,
     .client = "open text one; open binary 3; open close 1000; open text no",
     .log = OPEN "  text = WSKT_ERR_CLOSED\n" CLEAN("1000", "", "1000",
                                                    "local") BUFFERED("2"),
     .frames = "text \"one\"\nbinary \"\\x00\\x01\\x02\"\nclose 1000 \"\"\n",
     .end = "fin"},
    {.name = "no message once close was called",
     .script = "accept hold; text one; text two; text three; flush;" ANSWER,
     .client = "message1 close 1000",
     .log = OPEN "text/1 \"one\"\n" CLEAN("1000", "", "1000", "local"),
     .frames = "close 1000 \"\"\n",
     .end = "fin"},
};

static const struct row handshakes[] = {
    {.name = "the server closes with code and reason",
     .script = "close 1001 going; expect-close 1001 going; half-close",
     .log = OPEN CLEAN("1001", "going", "1001", "peer"),
     .frames = "close 1001 \"going\"\n",
     .end = "fin"},
    {.name = "the server closes with no body",
     .script = "close; expect-close empty; half-close",
     .log = OPEN CLEAN("1005", "", "0", "peer"),
     .frames = "close empty\n",
     .end = "fin"},
    {.name = "101 and Close in one segment",
     .script = "accept hold; close 1001 x; flush; expect-close 1001 x;"
               "half-close",
     .log = OPEN CLEAN("1001", "x", "1001", "peer"),
     .frames = "close 1001 \"x\"\n",
     .end = "fin"},
    {.name = "101 and Close in one segment, and close in on_open",
     .script = "accept hold; close 1001 x; flush; expect-close 4000 y;"
               "half-close",
     .client = "open close 4000 y",
     .log = OPEN CLEAN("1001", "x", "1001", "local"),
     .frames = "close 4000 \"y\"\n",
     .end = "fin"},
    {.name = "messages before the server's Close come first",
     .script = "accept hold; text one; binn 300; close 1000 x; flush;"
               "expect-close; half-close",
     .log = OPEN "text/1 \"one\"\nbinary/1 <300 bytes, *>\n" CLEAN(
         "1000", "x", "1000", "peer"),
     .frames = "close 1000 \"x\"\n",
     .end = "fin"},
    {.name = "Close inside a fragmented message",
     .script = "frame fin=0 text=abc; close 1001 x; expect-close 1001 x;"
               "half-close",
     .log = OPEN CLEAN("1001", "x", "1001", "peer"),
     .frames = "close 1001 \"x\"\n",
     .end = "fin"},
    {.name = "our Close is answered with another code",
     .script = "answer-close-as 4321 other; half-close",
     .client = "open close 1000 mine",
     .log = OPEN CLEAN("4321", "other", "4321", "local"),
     .frames = "close 1000 \"mine\"\n",
     .end = "fin"},
    {.name = "our Close is answered with an empty one",
     .script = "answer-close-as; half-close",
     .client = "open close 1000 mine",
     .log = OPEN CLEAN("1005", "", "0", "local"),
     .frames = "close 1000 \"mine\"\n",
     .end = "fin"},
    {.name = "messages between our Close and the answer are not delivered",
     .script = "expect-close; text late; ping p; binn 70000; close 1000;"
               "half-close",
     .client = "open close 1000",
     .log = OPEN CLEAN("1000", "", "1000", "local"),
     /* RFC 6455, 5.5.2: a ping is answered until a Close is received. */
     .frames = "close 1000 \"\"\npong \"p\"\n",
     .end = "fin",
     .flags = ANY_ERRORS},
    {.name = "what follows the server's Close is ignored",
     .script = "close 1001 x; text late; ping p; close 1002 y; raw ffffffff;"
               "expect-close 1001 x; half-close",
     .log = OPEN CLEAN("1001", "x", "1001", "peer"),
     .frames = "close 1001 \"x\"\n",
     .end = "fin"},
    {.name = "no pong after a Close was received",
     .script = "accept hold; close 1001 x; ping p; flush;"
               "expect-close 1001 x; half-close",
     .log = OPEN CLEAN("1001", "x", "1001", "peer"),
     .frames = "close 1001 \"x\"\n",
     .end = "fin"},
    {.name = "handshake complete, TCP left open",
     .script = "close 1001 x; expect-close 1001 x; expect-fin",
     .config = "linger 150",
     .log = OPEN CLEAN("1001", "x", "1001", "peer"),
     .frames = "close 1001 \"x\"\n",
     .end = "fin",
     .flags = WHOLE_ONLY},
    {.name = "our Close answered, TCP left open",
     .script = "answer-close; expect-fin",
     .client = "open close 1000",
     .config = "linger 150",
     .log = OPEN CLEAN("1000", "", "1000", "local"),
     .frames = "close 1000 \"\"\n",
     .end = "fin",
     .flags = WHOLE_ONLY},
    {.name = "our Close is never answered",
     .script = "expect-close 1000; expect-fin",
     .client = "open close 1000",
     .config = "close-timeout 150",
     .log = OPEN FAILED("timeout",
                        "the peer did not answer the Close frame in time"),
     .frames = "close 1000 \"\"\n",
     .end = "fin",
     .flags = WHOLE_ONLY},
    {.name = "data for ever instead of an answer",
     .script = "expect-close 1000; forever textn 1000",
     .client = "open close 1000",
     .config = "close-timeout 150",
     .log = OPEN FAILED("timeout",
                        "the peer did not answer the Close frame in time"),
     .frames = "close 1000 \"\"\n",
     .flags = WHOLE_ONLY | ANY_ERRORS},
    {.name = "FIN instead of an answer",
     .script = "expect-close 1000; fin",
     .client = "open close 1000",
     .log = OPEN FAILED("lost", "the peer ended the connection without a "
                                "Close frame"),
     .browser = OPEN LOST("the peer ended the connection without a "
                          "Close frame"),
     .frames = "close 1000 \"\"\n",
     .end = "fin"},
    {.name = "RST instead of an answer",
     .script = "expect-close 1000; rst",
     .client = "open close 1000",
     .log = OPEN "error/3 os=104 lost \"the connection was lost: *\"\n"
                 "close/3 1006 \"\" unclean peer=0 lost \"the connection was "
                 "lost: *\"\n",
     .browser = OPEN LOST("the connection was lost: *"),
     .frames = "close 1000 \"\"\n"},
    {.name = "RST after both Close frames",
     .script = "close 1001 x; expect-close 1001 x; rst",
     .log = OPEN CLEAN("1001", "x", "1001", "peer"),
     .frames = "close 1001 \"x\"\n"},
    {.name = "Close and FIN at once",
     .script = "accept hold; close 1001 x; fin",
     .log = OPEN CLEAN("1001", "x", "1001", "peer"),
     .frames = "close 1001 \"x\"\n"},
    {.name = "a violation after our Close",
     .script = "expect-close 1000; frame opcode=3; expect-fin",
     .client = "open close 1000",
     .log = OPEN FAILED("protocol", "reserved opcode 0x3"),
     .frames = "close 1000 \"\"\n",
     .end = "fin"},
    {.name = "our Close is answered with 1005",
     .script = "answer-close-as 1005; expect-fin",
     .client = "open close 1000",
     .log = OPEN FAILURE("1006", "1005", "protocol",
                         "close frame with the forbidden code 1005"),
     .frames = "close 1000 \"\"\n",
     .end = "fin"},
    {.name = "our Close is answered with 1004",
     .script = "answer-close-as 1004; half-close",
     .client = "open close 1000",
     .log = OPEN FAILURE("1006", "1004", "protocol",
                         "close frame with the forbidden code 1004"),
     .browser = OPEN CLEAN("1004", "", "1004", "local"),
     .frames = "close 1000 \"\"\n",
     .end = "fin"},
    {.name = "our Close is answered with one byte",
     .script = "expect-close; closeraw 03; expect-fin",
     .client = "open close 1000",
     .log = OPEN FAILED("protocol", "close frame with a body of one byte"),
     .frames = "close 1000 \"\"\n",
     .end = "fin"},
    {.name = "the server closes while data is queued",
     .script = "rcvbuf 65536; stop-reading; wait $ID-s; close 1001 x;"
               "wait $ID-t; resume-reading; expect-close 1001 x; half-close",
     .client = "beside wait-buffered 1000000; beside signal $ID-s;"
               "beside wait-state 2; beside signal $ID-t;"
               "open binary 16777216; open binary 1000; close buffered",
     .config = "marks 33554432 67108864",
     .log = OPEN "close/3 1001 \"x\" unclean peer=1001 peer \"the peer closed "
                 "before 1000 bytes that send had accepted were sent\"\n"
                 "  buffered 1000\nbuffered=1000\n",
     .frames = "binary 16777216\nclose 1001 \"x\"\n",
     .end = "fin",
     .flags = WHOLE_ONLY},
};

int main(void) {
    begin();
    ROWS(arguments);
    ROWS(states);
    ROWS(handshakes);
    return rows_result();
}
