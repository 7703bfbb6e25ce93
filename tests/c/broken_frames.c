/* close-events.md, section 7: frames no honest server sends, and what is
   answered or ignored. */
#include "support/scenario.h"

/* `text one` comes first and is delivered; then the violation. */
#define BROKEN(named, frame, code, kind, why)                             \
    {                                                                     \
        .name = named,                                                    \
        .script = "text one; " frame "; expect-close " code " ''; expect-fin", \
        .log = OPEN "text/1 \"one\"\n" FAILED(kind, why),                 \
        .frames = "close " code " \"\"\n", .end = "fin"                   \
    }
#define RULE(named, frame, why) BROKEN(named, frame, "1002", "protocol", why)
#define TEXT(named, frame) \
    BROKEN(named, frame, "1007", "protocol", "invalid UTF-8 in a text message")

static const struct row rules[] = {
    RULE("masked", "frame masked=1 text=a", "masked frame from the server"),
    RULE("masked and empty", "frame masked=1", "masked frame from the server"),
    RULE("RSV1", "frame rsv=4 text=a",
         "reserved bit set in a frame header: RSV1"),
    RULE("RSV2", "frame rsv=2 text=a",
         "reserved bit set in a frame header: RSV2"),
    RULE("RSV3", "frame rsv=1 text=a",
         "reserved bit set in a frame header: RSV3"),
    RULE("RSV1 to RSV3 on a ping", "frame opcode=ping rsv=7",
         "reserved bit set in a frame header: RSV1 RSV2 RSV3"),
    RULE("RSV1 on a Close", "frame opcode=close rsv=4 payload=03e8",
         "reserved bit set in a frame header: RSV1"),
    RULE("RSV1 on a continuation",
         "frame fin=0 text=a; frame opcode=continuation rsv=4 text=b",
         "reserved bit set in a frame header: RSV1"),
    RULE("opcode 3", "frame opcode=3", "reserved opcode 0x3"),
    RULE("opcode 7", "frame opcode=7", "reserved opcode 0x7"),
    RULE("opcode 11", "frame opcode=11", "reserved opcode 0xb"),
    RULE("opcode 15", "frame opcode=15", "reserved opcode 0xf"),
    RULE("a ping of 126 bytes", "ping pat:126",
         "control frame of more than 125 bytes"),
    RULE("a pong of 126 bytes", "pong pat:126",
         "control frame of more than 125 bytes"),
    RULE("a fragmented ping", "frame opcode=ping fin=0 text=a",
         "fragmented control frame"),
    RULE("a fragmented pong", "frame opcode=pong fin=0",
         "fragmented control frame"),
    RULE("a continuation without a start", "frame opcode=continuation text=a",
         "continuation frame without a message to continue"),
    RULE("a continuation after a whole message",
         "frame fin=0 opcode=continuation text=a",
         "continuation frame without a message to continue"),
    RULE("a new message inside one",
         "frame fin=0 text=a; frame text=b",
         "new message inside a fragmented message"),
    RULE("a length with the top bit set",
         "raw 827f8000000000000000",
         "frame length with the most significant bit set"),
    RULE("a 16-bit length of 125", "frame lenform=16 payload=pat:125",
         "frame length not in its shortest form"),
    RULE("a 64-bit length of 65535",
         "frame opcode=binary lenform=64 payload=pat:65535",
         "frame length not in its shortest form"),
    /* Judged by its second byte, before the length is known. */
    RULE("a 16-bit length on a ping", "frame opcode=ping lenform=16 text=a",
         "control frame of more than 125 bytes"),
};

static const struct row texts[] = {
    TEXT("a lone byte", "frame payload=ff"),
    TEXT("an overlong form", "frame payload=61c0af"),
    TEXT("a surrogate", "frame payload=eda080"),
    TEXT("above U+10FFFF", "frame payload=f4908080"),
    TEXT("cut at the end of the message", "frame payload=61e282"),
    TEXT("cut between fragments and not continued",
         "frame fin=0 payload=e2; frame opcode=continuation payload=61"),
    TEXT("in a later fragment",
         "frame fin=0 text=ok; frame opcode=continuation fin=0 payload=80"),
    /* The rest of the frame never comes. */
    TEXT("inside an unfinished frame", "frame len=1000 payload=6161ff"),
    TEXT("a truncated character inside an unfinished frame",
         "frame len=1000 payload=6161f4908080"),
};

/* So much is missing that it is received straight into the message. */
static const struct row large_texts[] = {
    {.name = "in the middle of a large message",
     .script = "text one; frame len=300000 payload=fill:61:200000; raw ff;"
               "expect-close 1007 ''; expect-fin",
     .log = OPEN "text/1 \"one\"\n" FAILED("protocol",
                                          "invalid UTF-8 in a text message"),
     .frames = "close 1007 \"\"\n",
     .end = "fin",
     .flags = WHOLE_ONLY},
};

#define LIMIT_LOG \
    OPEN FAILED("message_too_big", "message larger than the limit of 1000 bytes")

static const struct row limits[] = {
    {.name = "a message at the limit",
     .script = "binn 1000; close 1000; expect-close 1000; half-close",
     .config = "max 1000",
     .log = OPEN "binary/1 <1000 bytes, *>\n" CLEAN("1000", "", "1000",
                                                    "peer"),
     .frames = "close 1000 \"\"\n"},
    {.name = "a message over the limit",
     .script = "binn 1001; expect-close 1009 ''; expect-fin",
     .config = "max 1000",
     .log = LIMIT_LOG,
     .frames = "close 1009 \"\"\n",
     .end = "fin"},
    {.name = "fragments over the limit",
     .script = "frame opcode=binary fin=0 payload=pat:600;"
               "frame opcode=continuation payload=pat:401;"
               "expect-close 1009 ''; expect-fin",
     .config = "max 1000",
     .log = LIMIT_LOG,
     .frames = "close 1009 \"\"\n",
     .end = "fin"},
    {.name = "a length over the limit, before the payload",
     .script = "frame opcode=binary len=9000000000000000000 payload=00;"
               "expect-close 1009 ''; expect-fin",
     .config = "max 1000",
     .log = LIMIT_LOG,
     .frames = "close 1009 \"\"\n",
     .end = "fin"},
    {.name = "a length over the default limit",
     .script = "frame opcode=binary len=67108865 payload=00;"
               "expect-close 1009 ''; expect-fin",
     .log = OPEN FAILED("message_too_big", "message larger than the limit of "
                                           "67108864 bytes"),
     .frames = "close 1009 \"\"\n",
     .end = "fin"},
    {.name = "too many fragments",
     .script = "frame opcode=binary fin=0 payload=00;"
               "repeat 5 frame opcode=continuation fin=0 payload=00;"
               "expect-close 1009 ''; expect-fin",
     .config = "fragments 4",
     .log = OPEN FAILED("message_too_big",
                        "message with more than 4 continuation frames"),
     .frames = "close 1009 \"\"\n",
     .end = "fin"},
    {.name = "as many fragments as allowed",
     .script = "frame fin=0 text=a;"
               "repeat 3 frame opcode=continuation fin=0 text=b;"
               "frame opcode=continuation text=c;"
               "close 1000; expect-close 1000; half-close",
     .config = "fragments 4",
     .log = OPEN "text/1 \"abbbc\"\n" CLEAN("1000", "", "1000", "peer"),
     .frames = "close 1000 \"\"\n"},
};

static const struct row answers[] = {
    {.name = "an unsolicited pong",
     .script = "pong x; pong; text after; close 1000; expect-close;"
               "half-close",
     .log = OPEN "text/1 \"after\"\n" CLEAN("1000", "", "1000", "peer"),
     .frames = "close 1000 \"\"\n"},
    {.name = "an empty ping",
     .script = "ping ''; expect-pong ''; close 1000; expect-close;"
               "half-close",
     .log = OPEN CLEAN("1000", "", "1000", "peer"),
     .frames = "pong \"\"\nclose 1000 \"\"\n"},
    {.name = "a ping of 125 bytes",
     .script = "ping pat:125; expect-pong pat:125; close 1000; expect-close;"
               "half-close",
     .log = OPEN CLEAN("1000", "", "1000", "peer"),
     .frames = "pong 125\nclose 1000 \"\"\n"},
    {.name = "a ping inside a fragmented message",
     .script = "frame fin=0 text=a; ping p; expect-pong p;"
               "frame opcode=continuation text=b; close 1000; expect-close;"
               "half-close",
     .log = OPEN "text/1 \"ab\"\n" CLEAN("1000", "", "1000", "peer"),
     .frames = "pong \"p\"\nclose 1000 \"\"\n"},
    {.name = "our ping and its pong",
     .script = "expect-ping hello; pong hello; close 1000; expect-close;"
               "half-close",
     .client = "open ping hello",
     .log = OPEN CLEAN("1000", "", "1000", "peer"),
     .frames = "ping \"hello\"\nclose 1000 \"\"\n"},
    {.name = "what the last message's handler sent is flushed first",
     .script = "accept hold; text one; frame opcode=3; flush;"
               "expect-text answer; expect-close 1002; expect-fin",
     .client = "message text answer",
     .log = OPEN "text/1 \"one\"\n" FAILED("protocol", "reserved opcode 0x3"),
     .frames = "text \"answer\"\nclose 1002 \"\"\n",
     .end = "fin"},
    {.name = "a violation, and more data behind it",
     .script = "frame opcode=3; textn 100000; expect-close 1002; expect-fin",
     .log = OPEN FAILED("protocol", "reserved opcode 0x3"),
     .frames = "close 1002 \"\"\n",
     .end = "fin",
     .flags = WHOLE_ONLY},
    {.name = "a violation, and TCP left open by the server",
     .script = "frame opcode=3; expect-close 1002",
     .config = "linger 150",
     .log = OPEN FAILED("protocol", "reserved opcode 0x3"),
     .frames = "close 1002 \"\"\n",
     .end = "fin",
     .flags = WHOLE_ONLY},
};

int main(void) {
    begin();
    ROWS(rules);
    ROWS(texts);
    ROWS(large_texts);
    ROWS(limits);
    ROWS(answers);
    rows_in_chunks = true;
    ROWS(texts);
    ROWS(large_texts);
    return rows_result();
}
