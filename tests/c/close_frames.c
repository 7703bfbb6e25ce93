/* close-events.md, section 4: what the server's first Close frame may hold. */
#include "support/scenario.h"

static const unsigned good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009,
                                1010, 1011, 1012, 1013, 1014, 3000, 3001,
                                3999, 4000, 4001, 4999};
/* Accepted in browser mode. */
static const unsigned strange[] = {0,    1,    999,  1004, 1016, 1100,
                                   1999, 2000, 2999, 5000, 65535};
static const unsigned never[] = {1005, 1006, 1015};

#define COUNT(array) (sizeof array / sizeof array[0])

/* Strings of rows that are made here; they live to the end. */
static char *made[512];
static size_t made_count;

static const char *make(const char *format, unsigned code) {
    struct text text = {0};
    size_t i;
    /* Each `#` of the format is the code. */
    for (i = 0; format[i] != '\0'; i++) {
        if (format[i] == '#') {
            text_add(&text, "%u", code);
        } else {
            text_add(&text, "%c", format[i]);
        }
    }
    CHECK(made_count < COUNT(made));
    return made[made_count++] = text.at;
}

static void run_codes(void) {
    struct row rows[COUNT(good) + COUNT(strange) + COUNT(never)];
    size_t i, count = 0;
    memset(rows, 0, sizeof rows);
    for (i = 0; i < COUNT(good); i++) {
        struct row *row = &rows[count++];
        row->name = make("code #", good[i]);
        row->script =
            make("close # why; expect-close # why; half-close", good[i]);
        row->log = make(OPEN CLEAN("#", "why", "#", "peer"), good[i]);
        row->frames = make("close # \"why\"\n", good[i]);
        row->end = "fin";
    }
    for (i = 0; i < COUNT(strange); i++) {
        struct row *row = &rows[count++];
        row->name = make("code #", strange[i]);
        row->script =
            make("close # why; expect-close; half-close", strange[i]);
        row->log = make(
            OPEN FAILURE("1006", "#", "protocol",
                         "close frame with the forbidden code #"),
            strange[i]);
        row->browser = make(OPEN CLEAN("#", "why", "#", "peer"), strange[i]);
        row->frames = "close 1002 \"\"\n";
        row->browser_frames = make("close # \"why\"\n", strange[i]);
        row->end = "fin";
    }
    for (i = 0; i < COUNT(never); i++) {
        struct row *row = &rows[count++];
        row->name = make("code #", never[i]);
        row->script = make("close # why; expect-close 1002; expect-fin",
                           never[i]);
        row->log = make(
            OPEN FAILURE("1006", "#", "protocol",
                         "close frame with the forbidden code #"),
            never[i]);
        row->frames = "close 1002 \"\"\n";
        row->end = "fin";
    }
    run_rows(rows, count);
}

#define ABC "abcdefghijklmnopqrstuvwxyz"
#define ABC123 ABC ABC ABC ABC "abcdefghijklmnopqrs"

static const struct row bodies[] = {
    {.name = "a body of one byte",
     .script = "closeraw 03; expect-close 1002; expect-fin",
     .log = OPEN FAILED("protocol", "close frame with a body of one byte"),
     .frames = "close 1002 \"\"\n",
     .end = "fin"},
    {.name = "a reason of 123 bytes",
     .script = "close 1000 pat:123; expect-close 1000 pat:123; half-close",
     .log = OPEN CLEAN("1000", ABC123, "1000", "peer"),
     .frames = "close 1000 \"" ABC123 "\"\n",
     .end = "fin"},
    {.name = "a reason of 124 bytes",
     .script = "close 1000 pat:124; expect-close 1002; expect-fin",
     .log = OPEN FAILED("protocol", "control frame of more than 125 bytes"),
     .frames = "close 1002 \"\"\n",
     .end = "fin"},
    {.name = "a reason with U+0000 and four-byte characters",
     .script = "close 3000 a%00%F0%9F%92%A9;"
               "expect-close 3000 a%00%F0%9F%92%A9; half-close",
     .log = OPEN CLEAN("3000", "a\\x00\\xf0\\x9f\\x92\\xa9", "3000", "peer"),
     .frames = "close 3000 \"a\\x00\\xf0\\x9f\\x92\\xa9\"\n",
     .end = "fin"},
    {.name = "a reason that is not UTF-8",
     .script = "closeraw 03e8ff; expect-close 1007; expect-fin",
     .log = OPEN FAILURE("1006", "1000", "protocol",
                         "invalid UTF-8 in the reason of a close frame with "
                         "code 1000"),
     .frames = "close 1007 \"\"\n",
     .end = "fin"},
    {.name = "a reason cut inside a character",
     .script = "closeraw 0bb861e282; expect-close 1007; expect-fin",
     .log = OPEN FAILURE("1006", "3000", "protocol",
                         "invalid UTF-8 in the reason of a close frame with "
                         "code 3000"),
     .frames = "close 1007 \"\"\n",
     .end = "fin"},
    {.name = "Close with FIN=0",
     .script = "frame opcode=close fin=0 payload=03e8; expect-close 1002;"
               "expect-fin",
     .log = OPEN FAILED("protocol", "fragmented control frame"),
     .frames = "close 1002 \"\"\n",
     .end = "fin"},
};

int main(void) {
    begin();
    run_codes();
    ROWS(bodies);
    while (made_count > 0) {
        free(made[--made_count]);
    }
    return rows_result();
}
