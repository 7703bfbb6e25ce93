/* The same exchange through proxies that others wrote: tests/proxies.rs starts
   them. One line of WSKT_PROXIES each: WANT URL, where WANT is "yes", or what
   the message of the failure has in it. "here.test" has an address in this
   program only. */
#include "support/names.h"
#include "support/ways.h"

static void echo_large(struct party *party, const wskt_event *event) {
    if (event->type == WSKT_EVENT_OPEN) {
        unsigned char *data = pattern_binary(300000);
        OK(wskt_socket_send_binary(party->socket, data, 300000));
        free(data);
    } else if (event->type == WSKT_EVENT_MESSAGE) {
        CHECK_INT(as_message(event)->len, 300000);
        OK(wskt_socket_close(party->socket, 1000, "bye", 3));
    }
}

static void run_one(enum way way, const char *proxy, const char *want,
                    const char *host, const char *scheme) {
    bool local = strcmp(host, "here.test") == 0;
    struct text url = {0};
    struct text log = {0};
    struct party party;
    wskt_config *config = trusting_config();
    OK(wskt_config_add_ca_file(config, env("WSKT_PROXY_CA")));
    OK(wskt_config_set_proxy(config, proxy));
    if (local) {
        OK(wskt_config_set_tls_server_name(config, "localhost"));
    }
    text_add(&url, "%s://%s:%d/echo", scheme, host, port(scheme));
    party_make(&party, way, NULL, text_of(&url), config);
    party.on_event = echo_large;
    party_start(&party);
    party_drive(&party);
    if (strcmp(want, "yes") == 0) {
        text_add(&log, "open/1\nbinary/1 *\nclose/3 1000 \"bye\" clean "
                       "peer=1000 local \"\"\n");
    } else {
        text_add(&log, "error/3 *proxy \"*%s*\"\nclose/3 1006 *\n", want);
    }
    if (!text_like(text_of(&party.log), text_of(&log))) {
        FAIL("%s to %s, %s:\n%s", proxy, text_of(&url), way_name(way),
             text_of(&party.log));
    }
    party_check_closed(&party);
    party_free(&party);
    wskt_config_free(config);
    text_free(&url);
    text_free(&log);
}

static void all(void) {
    char *list = strdup(env("WSKT_PROXIES"));
    char *line, *rest;
    int count = 0, way;
    CHECK(list != NULL);
    /* Nobody listens at the first. */
    answer("127.0.0.3", "127.0.0.1", NULL);
    for (line = strtok_r(list, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *url = strrchr(line, ' ');
        CHECK(url != NULL);
        *url = '\0';
        for (way = 0; way < WAYS; way++) {
            run_one((enum way)way, url + 1, line, "127.0.0.1", "ws");
            run_one((enum way)way, url + 1, line, "localhost", "wss");
            if (strcmp(line, "yes") == 0) {
                bool here = strncmp(url + 1, "socks5:", 7) == 0;
                run_one((enum way)way, url + 1, here ? "yes" : "the proxy ",
                        "here.test", "wss");
            }
        }
        count += 1;
    }
    CHECK(count >= 5);
    free(list);
}

int main(void) {
    begin();
    RUN(all);
    return end();
}
