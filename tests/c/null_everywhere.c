/* Every function with NULL for every handle and pointer, and NULL with a
   length of 0 where a buffer is taken: results, never crashes. */
#include "support/support.h"

#define NULLS(call) RESULT(call, WSKT_ERR_NULL)

static void handles(void) {
    const wskt_event *event = NULL;
    const char *text = NULL;
    size_t len = 77;
    wskt_config_free(NULL);
    wskt_socket_free(NULL);
    wskt_close_event_free(NULL);
    OK(wskt_loop_free(NULL));
    NULLS(wskt_config_new(NULL));
    NULLS(wskt_loop_new(NULL));
    NULLS(wskt_config_set_open_timeout(NULL, 1));
    NULLS(wskt_config_set_connect_timeout(NULL, 1));
    NULLS(wskt_config_set_dns_timeout(NULL, 1));
    NULLS(wskt_config_set_idle_timeout(NULL, 1));
    NULLS(wskt_config_set_heartbeat(NULL, 1, 1));
    NULLS(wskt_config_set_ping_events(NULL, true));
    NULLS(wskt_socket_set_on_ping(NULL, NULL));
    NULLS(wskt_socket_set_on_pong(NULL, NULL));
    NULLS(wskt_socket_set_on_message_chunk(NULL, NULL));
    NULLS(wskt_socket_set_message_chunks(NULL, true));
    NULLS(wskt_socket_pong(NULL, "x", 1));
    CHECK(wskt_socket_round_trip_time(NULL) == -1);
    NULLS(wskt_config_set_proxy_timeout(NULL, 1));
    NULLS(wskt_config_set_proxy(NULL, "http://a"));
    NULLS(wskt_config_set_no_proxy(NULL, "a"));
    NULLS(wskt_config_set_proxy_from_environment(NULL));
    NULLS(wskt_config_add_connect_to(NULL, "a:1", "b:2"));
    NULLS(wskt_config_set_local_address(NULL, "::1"));
    NULLS(wskt_config_set_interface(NULL, "lo"));
    NULLS(wskt_config_set_unix_socket(NULL, "/x"));
    NULLS(wskt_config_set_tcp_keepalive(NULL, 1, 1, 1));
    NULLS(wskt_socket_adopt_fd(NULL, 0));
    NULLS(wskt_config_set_tls_timeout(NULL, 1));
    NULLS(wskt_config_set_upgrade_timeout(NULL, 1));
    NULLS(wskt_config_set_close_timeout(NULL, 1));
    NULLS(wskt_config_set_linger_timeout(NULL, 1));
    NULLS(wskt_config_set_send_timeout(NULL, 1));
    NULLS(wskt_config_set_max_message_size(NULL, 1));
    NULLS(wskt_config_set_max_fragments(NULL, 1));
    NULLS(wskt_config_set_read_buffer(NULL, 4096));
    NULLS(wskt_config_set_water_marks(NULL, 1, 1));
    NULLS(wskt_config_set_deflate(NULL, true));
    NULLS(wskt_config_set_deflate_no_context_takeover(NULL, true, true));
    NULLS(wskt_config_set_deflate_max_window_bits(NULL, 15, 15));
    NULLS(wskt_config_set_deflate_level(NULL, 6));
    NULLS(wskt_config_set_deflate_min_size(NULL, 0));
    NULLS(wskt_config_add_ca_file(NULL, "x"));
    NULLS(wskt_config_add_ca_pem(NULL, "x", 1));
    NULLS(wskt_config_set_system_roots(NULL, true));
    NULLS(wskt_config_add_pinned_public_key(NULL, "x"));
    NULLS(wskt_config_set_min_tls_version(NULL, WSKT_TLS_1_2));
    NULLS(wskt_config_set_max_tls_version(NULL, WSKT_TLS_1_2));
    NULLS(wskt_config_set_tls_server_name(NULL, "x"));
    NULLS(wskt_config_set_tls_sni(NULL, true));
    NULLS(wskt_config_set_tls_alpn(NULL, true));
    NULLS(wskt_config_set_danger_any_certificate(NULL, true));
    NULLS(wskt_config_set_danger_any_host_name(NULL, true));
    NULLS(wskt_config_set_client_certificate_file(NULL, "x", "y"));
    NULLS(wskt_config_set_client_certificate_pem(NULL, "x", 1, "y", 1));
    NULLS(wskt_config_set_client_pkcs12_file(NULL, "x", "y"));
    NULLS(wskt_config_set_client_pkcs12(NULL, "x", 1, "y"));
    NULLS(wskt_config_add_header(NULL, "X-A", "b"));
    NULLS(wskt_config_set_allow_missing_protocol(NULL, true));
    NULLS(wskt_config_set_browser_mode(NULL, true));
    CHECK(wskt_config_error_text(NULL) == NULL);
    NULLS(wskt_loop_start(NULL));
    NULLS(wskt_loop_stop(NULL));
    NULLS(wskt_loop_run(NULL));
    NULLS(wskt_loop_dispatch(NULL));
    NULLS(wskt_loop_wake(NULL));
    NULLS(wskt_loop_next_event(NULL, 0, &event));
    CHECK_INT(wskt_loop_fd(NULL), -1);
    CHECK_INT(wskt_loop_timeout_ms(NULL), -1);
    NULLS(wskt_socket_add_protocol(NULL, "chat"));
    NULLS(wskt_socket_set_on_open(NULL, NULL));
    NULLS(wskt_socket_set_on_message(NULL, NULL));
    NULLS(wskt_socket_set_on_error(NULL, NULL));
    NULLS(wskt_socket_set_on_close(NULL, NULL));
    NULLS(wskt_socket_set_on_drain(NULL, NULL));
    NULLS(wskt_socket_set_user_data(NULL, NULL, NULL));
    NULLS(wskt_socket_open(NULL));
    NULLS(wskt_socket_connect(NULL, 0));
    NULLS(wskt_socket_recv(NULL, 0, &event));
    NULLS(wskt_socket_run(NULL));
    NULLS(wskt_socket_interrupt(NULL));
    NULLS(wskt_socket_send_text(NULL, "x", 1));
    NULLS(wskt_socket_send_binary(NULL, "x", 1));
    NULLS(wskt_socket_send_begin(NULL, WSKT_MESSAGE_TEXT, 0));
    NULLS(wskt_socket_send_chunk(NULL, "x", 1));
    NULLS(wskt_socket_send_end(NULL));
    NULLS(wskt_socket_send(NULL, WSKT_MESSAGE_TEXT, "x", 1, 0));
    NULLS(wskt_socket_ping(NULL, "x", 1));
    NULLS(wskt_socket_close(NULL, 1000, NULL, 0));
    NULLS(wskt_socket_abort(NULL));
    NULLS(wskt_socket_pause(NULL));
    NULLS(wskt_socket_resume(NULL));
    NULLS(wskt_socket_response_header_at(NULL, 0, &text, &text));
    CHECK_INT(wskt_socket_ready_state(NULL), WSKT_CLOSED);
    CHECK_INT(wskt_socket_buffered_amount(NULL), 0);
    CHECK(wskt_socket_url(NULL, NULL) == NULL);
    CHECK(wskt_socket_url(NULL, &len) == NULL);
    CHECK(wskt_socket_protocol(NULL, NULL) == NULL);
    CHECK(wskt_socket_protocol(NULL, &len) == NULL);
    CHECK(wskt_socket_extensions(NULL, NULL) == NULL);
    CHECK(wskt_socket_extensions(NULL, &len) == NULL);
    CHECK_INT(wskt_socket_response_status(NULL), 0);
    CHECK(wskt_socket_response_header(NULL, "x", NULL) == NULL);
    CHECK(wskt_socket_response_header(NULL, NULL, NULL) == NULL);
    CHECK_INT(wskt_socket_response_header_count(NULL), 0);
    CHECK(wskt_socket_user_data(NULL) == NULL);
    CHECK(wskt_socket_close_event(NULL) == NULL);
    CHECK(wskt_socket_error_text(NULL) == NULL);
    CHECK(event == NULL && text == NULL);
}

static void config_pointers(void) {
    wskt_config *config;
    OK(wskt_config_new(&config));
    NULLS(wskt_config_add_ca_file(config, NULL));
    NULLS(wskt_config_add_ca_pem(config, NULL, 1));
    RESULT(wskt_config_add_ca_pem(config, NULL, 0),
           WSKT_ERR_INVALID_CERTIFICATE);
    NULLS(wskt_config_add_pinned_public_key(config, NULL));
    NULLS(wskt_config_set_tls_server_name(config, NULL));
    NULLS(wskt_config_set_client_certificate_file(config, NULL, "y"));
    NULLS(wskt_config_set_client_certificate_file(config, "x", NULL));
    NULLS(wskt_config_set_client_certificate_pem(config, NULL, 1, "y", 1));
    NULLS(wskt_config_set_client_certificate_pem(config, "x", 1, NULL, 1));
    NULLS(wskt_config_set_client_pkcs12_file(config, NULL, "y"));
    NULLS(wskt_config_set_client_pkcs12_file(config, "x", NULL));
    NULLS(wskt_config_set_client_pkcs12(config, NULL, 1, "y"));
    NULLS(wskt_config_set_client_pkcs12(config, "x", 1, NULL));
    NULLS(wskt_config_add_header(config, NULL, "b"));
    NULLS(wskt_config_add_header(config, "X-A", NULL));
    NULLS(wskt_config_add_header(config, NULL, NULL));
    wskt_config_free(config);
}

static void loop_pointers(void) {
    wskt_loop *loop;
    OK(wskt_loop_new(&loop));
    NULLS(wskt_loop_next_event(loop, 0, NULL));
    OK(wskt_loop_free(loop));
}

static void socket_pointers(void) {
    wskt_socket *socket = NULL;
    const char *text = NULL;
    NULLS(wskt_socket_new(NULL, NULL, NULL, &socket));
    NULLS(wskt_socket_new(NULL, "ws://127.0.0.1/", NULL, NULL));
    NULLS(wskt_socket_new(NULL, NULL, NULL, NULL));
    CHECK(socket == NULL);
    OK(wskt_socket_new(NULL, "ws://127.0.0.1/", NULL, &socket));
    NULLS(wskt_socket_add_protocol(socket, NULL));
    OK(wskt_socket_set_on_open(socket, NULL));
    OK(wskt_socket_set_on_message(socket, NULL));
    OK(wskt_socket_set_on_error(socket, NULL));
    OK(wskt_socket_set_on_close(socket, NULL));
    OK(wskt_socket_set_on_drain(socket, NULL));
    OK(wskt_socket_set_user_data(socket, NULL, NULL));
    CHECK(wskt_socket_user_data(socket) == NULL);
    NULLS(wskt_socket_recv(socket, 0, NULL));
    NULLS(wskt_socket_send_text(socket, NULL, 1));
    NULLS(wskt_socket_send_binary(socket, NULL, 1));
    NULLS(wskt_socket_send(socket, WSKT_MESSAGE_BINARY, NULL, 1, 0));
    NULLS(wskt_socket_ping(socket, NULL, 1));
    NULLS(wskt_socket_close(socket, 1000, NULL, 1));
    NULLS(wskt_socket_dispatch_close_event(socket, NULL));
    CHECK_STR(wskt_socket_url(socket, NULL), "ws://127.0.0.1/");
    CHECK_STR(wskt_socket_protocol(socket, NULL), "");
    CHECK_STR(wskt_socket_extensions(socket, NULL), "");
    CHECK(wskt_socket_response_header(socket, NULL, NULL) == NULL);
    CHECK(wskt_socket_response_header(socket, "x", NULL) == NULL);
    CHECK(wskt_socket_response_header_at(socket, 0, NULL, NULL) != WSKT_OK);
    CHECK(wskt_socket_response_header_at(socket, 0, &text, NULL) != WSKT_OK);
    CHECK(wskt_socket_response_header_at(socket, 0, NULL, &text) != WSKT_OK);
    CHECK_INT(wskt_socket_ready_state(socket), WSKT_CONNECTING);
    wskt_socket_free(socket);
}

static void close_event_pointers(void) {
    wskt_close_event *event = NULL;
    wskt_socket *socket;
    NULLS(wskt_close_event_new(NULL, false, 0, NULL, 0, &event));
    NULLS(wskt_close_event_new("close", false, 0, NULL, 0, NULL));
    NULLS(wskt_close_event_new("close", false, 0, NULL, 1, &event));
    NULLS(wskt_close_event_init(NULL, "close", false, false, false, 0, NULL,
                                0));
    CHECK(event == NULL);
    OK(wskt_close_event_new("close", false, 0, NULL, 0, &event));
    NULLS(wskt_close_event_init(event, NULL, true, true, true, 1, NULL, 0));
    NULLS(wskt_close_event_init(event, "x", true, true, true, 1, NULL, 1));
    CHECK_INT(event->code, 0);
    CHECK_STR(event->head.type_name, "close");
    NULLS(wskt_socket_dispatch_close_event(NULL, event));
    NULLS(wskt_socket_dispatch_close_event(NULL, NULL));
    OK(wskt_socket_new(NULL, "ws://127.0.0.1/", NULL, &socket));
    OK(wskt_socket_dispatch_close_event(socket, event));
    wskt_socket_free(socket);
    wskt_close_event_free(event);
}

/* NULL with length 0 is an empty message, ping or reason. */
static void empty_buffers(void) {
    struct report report;
    const wskt_event *event;
    const char *id = new_id();
    char *url = script_url(
        "ws", "expect-text ''; expect-bin; expect-ping ''; answer-close; half-close",
        id);
    wskt_socket *socket;
    OK(wskt_socket_new(NULL, url, NULL, &socket));
    OK(wskt_socket_connect(socket, limit_ms()));
    OK(wskt_socket_send_text(socket, NULL, 0));
    OK(wskt_socket_send_binary(socket, NULL, 0));
    OK(wskt_socket_ping(socket, NULL, 0));
    OK(wskt_socket_close(socket, 1000, NULL, 0));
    while (wskt_socket_recv(socket, limit_ms(), &event) == WSKT_OK) {
    }
    CHECK_INT(wskt_socket_close_event(socket)->code, 1000);
    get_report(&report, id);
    CHECK_STR(text_of(&report.frames),
              "text \"\"\nbinary \"\"\nping \"\"\nclose 1000 \"\"\n");
    CHECK_STR(report.errors, "[]");
    free_report(&report);
    wskt_socket_free(socket);
    free(url);
}

static void others(void) {
    OK(wskt_log_set(WSKT_LOG_TRACE, NULL, NULL));
    OK(wskt_log_set(WSKT_LOG_OFF, NULL, NULL));
    CHECK(wskt_version_string() != NULL);
    CHECK(wskt_result_name(0) != NULL && wskt_result_text(0) != NULL);
    CHECK(wskt_cause_name(0) != NULL);
}

int main(void) {
    begin();
    RUN(handles);
    RUN(config_pointers);
    RUN(loop_pointers);
    RUN(socket_pointers);
    RUN(close_event_pointers);
    RUN(empty_buffers);
    RUN(others);
    return end();
}
