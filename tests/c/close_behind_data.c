/* close-events.md, sections 1 and 3: what becomes of a Close, an answer or a
   violation while data that the kernel does not take stands in the queue. */
#include "support/scenario.h"

/* The server reads nothing until it has sent `what`, and then everything. */
#define STALLED(what) \
    "rcvbuf 65536; stop-reading; wait $ID-s; " what "; sleep 300; resume-reading; "
/* Much more than the kernel takes; the server goes on once it waits. */
#define FILL                                                  \
    "beside wait-buffered 1000000; " /* of 16777216 */        \
    "beside signal $ID-s; open binary 16777216"
#define ROOM "marks 33554432 67108864"

static const struct row peer_first[] = {
    {.name = "the server closes while data is queued",
     .script = "rcvbuf 65536; stop-reading; wait $ID-s; close 1001 x;"
               "wait $ID-t; resume-reading; expect-close 1001 x; half-close",
     .client = "beside wait-buffered 1000000; beside signal $ID-s;"
               "beside wait-state 2; beside signal $ID-t;"
               "open binary 16777216; open binary 1000; close buffered",
     .config = ROOM,
     .log = OPEN "close/3 1001 \"x\" unclean peer=1001 peer \"the peer closed "
                 "before 1000 bytes that send had accepted were sent\"\n"
                 "  buffered 1000\nbuffered=1000\n",
     .frames = "binary 16777216\nclose 1001 \"x\"\n",
     .end = "fin",
     .flags = WHOLE_ONLY | MUCH_DATA},
    {.name = "an empty message is dropped",
     .script = "rcvbuf 65536; stop-reading; wait $ID-s; close 1001 x;"
               "wait $ID-t; resume-reading; expect-close 1001 x; half-close",
     .client = "beside wait-buffered 1000000; beside signal $ID-s;"
               "beside wait-state 2; beside signal $ID-t;"
               "open binary 16777216; open binary 0; close buffered",
     .config = ROOM,
     .log = OPEN "close/3 1001 \"x\" unclean peer=1001 peer \"the peer closed "
                 "before what send had accepted was sent\"\n  buffered 0\n",
     .frames = "binary 16777216\nclose 1001 \"x\"\n",
     .end = "fin",
     .flags = WHOLE_ONLY | MUCH_DATA},
    {.name = "nothing is dropped but what is partly out",
     .script = STALLED("close 1001 x") "expect-close 1001 x; half-close",
     .client = FILL,
     .config = ROOM,
     .log = OPEN CLEAN("1001", "x", "1001", "peer"),
     .frames = "binary 16777216\nclose 1001 \"x\"\n",
     .end = "fin",
     .flags = WHOLE_ONLY | MUCH_DATA},
    /* One Close of ours: the one that was queued gives way to the answer. */
    {.name = "our own Close is queued behind the data",
     .script = STALLED("close 1001 x") "expect-close 1001 x; half-close",
     .client = "beside wait-buffered 1000000; beside close 3000 mine;"
               "beside signal $ID-s; open binary 16777216",
     .config = ROOM,
     .log = OPEN CLEAN("1001", "x", "1001", "local"),
     .frames = "binary 16777216\nclose 1001 \"x\"\n",
     .end = "fin",
     .flags = WHOLE_ONLY | MUCH_DATA},
    /* Its FIN is not the end of what we still write. */
    {.name = "the server closes and half-closes",
     .script = STALLED("close 1001 x; fin") "expect-close 1001 x",
     .client = FILL,
     .config = ROOM,
     .log = OPEN CLEAN("1001", "x", "1001", "peer"),
     .frames = "binary 16777216\nclose 1001 \"x\"\n",
     .flags = WHOLE_ONLY | MUCH_DATA},
    /* The code stays the peer's (invariant 3), unclean. */
    {.name = "the server closes and never reads",
     .script = "rcvbuf 65536; stop-reading; wait $ID-s; close 1001 x; mark $ID-m",
     .client = FILL,
     .config = "send-timeout 2000; " ROOM,
     .log = OPEN "close/3 1001 \"x\" unclean peer=1001 peer \"the peer took "
                 "no byte before the send deadline\"\nbuffered=*\n",
     .flags = WHOLE_ONLY | MUCH_DATA | ANY_ERRORS},
    {.name = "the server closes and resets",
     .script = "text one; wait $ID-p; close 1001 x; rst; mark $ID-q",
     .client = "message1 pause; message1 signal $ID-p; beside mark $ID-q;"
               "beside resume",
     .log = OPEN "text/1 \"one\"\n"
                 "close/3 1001 \"x\" unclean peer=1001 peer \"the connection "
                 "was lost before the Close frame was sent\"\n",
     .frames = "",
     .flags = WHOLE_ONLY | MUCH_DATA | PLAIN_ONLY},
};

static const struct row others[] = {
    {.name = "a violation",
     .script = STALLED("frame opcode=3") "recv; expect-close 1002 ''; expect-fin",
     .client = FILL,
     .config = ROOM,
     .log = OPEN FAILED("protocol", "reserved opcode 0x3"),
     .frames = "binary 16777216\nclose 1002 \"\"\n",
     .end = "fin",
     .flags = WHOLE_ONLY | MUCH_DATA | STRICT_ONLY},
    {.name = "a violation, and the server half-closes",
     .script = STALLED("frame opcode=3; fin") "recv; expect-close 1002 ''",
     .client = FILL,
     .config = ROOM,
     .log = OPEN FAILED("protocol", "reserved opcode 0x3"),
     .frames = "binary 16777216\nclose 1002 \"\"\n",
     .flags = WHOLE_ONLY | MUCH_DATA | STRICT_ONLY},
    /* The first ping is answered at once, the newest when there is room. */
    {.name = "of many pings the newest is answered",
     .script = STALLED("ping a; ping b; ping c; ping d")
         "recv; expect-pong a; expect-pong d; close 1000; expect-close 1000;"
         "half-close",
     .client = FILL,
     .config = ROOM,
     .log = OPEN CLEAN("1000", "", "1000", "peer"),
     .frames = "binary 16777216\npong \"a\"\npong \"d\"\nclose 1000 \"\"\n",
     .flags = WHOLE_ONLY | MUCH_DATA | STRICT_ONLY},
    /* Longer than the deadline in all, but never so long without a byte. */
    {.name = "a slow reader is not a stalled one",
     .script = "rcvbuf 65536; recv; sleep 300; recv; sleep 300;"
               "recv; sleep 300; recv; sleep 300; recv; sleep 300; recv;"
               "sleep 300; recv; sleep 300; recv; sleep 300; recvn 8;"
               "answer-close; half-close",
     .client = "open binary 1048576; open binary 1048576; open binary 1048576;"
               "open binary 1048576; open binary 1048576; open binary 1048576;"
               "open binary 1048576; open binary 1048576; open binary 1048576;"
               "open binary 1048576; open binary 1048576; open binary 1048576;"
               "open binary 1048576; open binary 1048576; open binary 1048576;"
               "open binary 1048576; open close 1000",
     .config = "send-timeout 1500; " ROOM,
     .log = OPEN CLEAN("1000", "", "1000", "local"),
     .frames = "binary 1048576\nbinary 1048576\nbinary 1048576\n"
               "binary 1048576\nbinary 1048576\nbinary 1048576\n"
               "binary 1048576\nbinary 1048576\nbinary 1048576\n"
               "binary 1048576\nbinary 1048576\nbinary 1048576\n"
               "binary 1048576\nbinary 1048576\nbinary 1048576\n"
               "binary 1048576\nclose 1000 \"\"\n",
     .flags = WHOLE_ONLY | MUCH_DATA | STRICT_ONLY},
    /* The deadline of the answer begins when our Close has left. */
    {.name = "our Close leaves late",
     .script = "rcvbuf 65536; stop-reading; sleep 5000; resume-reading;"
               "answer-close; half-close",
     .client = "open binary 16777216; open close 1000",
     .config = "close-timeout 4000; " ROOM,
     .log = OPEN CLEAN("1000", "", "1000", "local"),
     .frames = "binary 16777216\nclose 1000 \"\"\n",
     .flags = WHOLE_ONLY | MUCH_DATA | STRICT_ONLY},
};

int main(void) {
    begin();
    ROWS(peer_first);
    ROWS(others);
    return rows_result();
}
