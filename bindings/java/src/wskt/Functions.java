package wskt;

import com.sun.jna.Library;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;

/**
 * Every function of wskt.h that this package uses. A C bool goes in and comes
 * out as a byte.
 */
interface Functions extends Library {
    String wskt_version_string();

    int wskt_version_number();

    String wskt_result_name(int result);

    String wskt_result_text(int result);

    String wskt_cause_name(int cause);

    Native.Size wskt_handle_count();

    int wskt_config_new(PointerByReference out);

    void wskt_config_free(Pointer config);

    String wskt_config_error_text(Pointer config);

    int wskt_config_set_browser_mode(Pointer config, byte on);

    int wskt_config_set_ping_events(Pointer config, byte on);

    int wskt_config_add_header(Pointer config, byte[] name, byte[] value);

    int wskt_config_set_origin(Pointer config, byte[] origin);

    int wskt_config_set_user_agent(Pointer config, byte[] userAgent);

    int wskt_config_set_cookie(Pointer config, byte[] cookies);

    int wskt_config_set_basic_authorization(Pointer config, byte[] user, byte[] password);

    int wskt_config_set_bearer_authorization(Pointer config, byte[] token);

    int wskt_config_set_host(Pointer config, byte[] host);

    int wskt_config_set_allow_missing_protocol(Pointer config, byte allow);

    int wskt_config_add_ca_file(Pointer config, byte[] path);

    int wskt_config_add_ca_pem(Pointer config, byte[] pem, Native.Size length);

    int wskt_config_set_system_roots(Pointer config, byte on);

    int wskt_config_add_pinned_public_key(Pointer config, byte[] pin);

    int wskt_config_set_min_tls_version(Pointer config, int version);

    int wskt_config_set_max_tls_version(Pointer config, int version);

    int wskt_config_set_tls_server_name(Pointer config, byte[] name);

    int wskt_config_set_tls_sni(Pointer config, byte on);

    int wskt_config_set_tls_alpn(Pointer config, byte on);

    int wskt_config_set_danger_any_certificate(Pointer config, byte on);

    int wskt_config_set_danger_any_host_name(Pointer config, byte on);

    int wskt_config_set_client_certificate_file(Pointer config, byte[] certificate, byte[] key);

    int wskt_config_set_client_certificate_pem(Pointer config, byte[] certificate,
            Native.Size certificateLength, byte[] key, Native.Size keyLength);

    int wskt_config_set_client_pkcs12_file(Pointer config, byte[] path, byte[] password);

    int wskt_config_set_client_pkcs12(Pointer config, byte[] archive,
            Native.Size length, byte[] password);

    int wskt_config_set_proxy(Pointer config, byte[] url);

    int wskt_config_set_no_proxy(Pointer config, byte[] list);

    int wskt_config_set_proxy_from_environment(Pointer config);

    int wskt_config_add_connect_to(Pointer config, byte[] from, byte[] to);

    int wskt_config_set_local_address(Pointer config, byte[] address);

    int wskt_config_set_interface(Pointer config, byte[] name);

    int wskt_config_set_unix_socket(Pointer config, byte[] path);

    int wskt_config_set_tcp_keepalive(Pointer config, long idle, long interval, int count);

    int wskt_config_set_open_timeout(Pointer config, long ms);

    int wskt_config_set_dns_timeout(Pointer config, long ms);

    int wskt_config_set_connect_timeout(Pointer config, long ms);

    int wskt_config_set_proxy_timeout(Pointer config, long ms);

    int wskt_config_set_tls_timeout(Pointer config, long ms);

    int wskt_config_set_upgrade_timeout(Pointer config, long ms);

    int wskt_config_set_close_timeout(Pointer config, long ms);

    int wskt_config_set_linger_timeout(Pointer config, long ms);

    int wskt_config_set_send_timeout(Pointer config, long ms);

    int wskt_config_set_idle_timeout(Pointer config, long ms);

    int wskt_config_set_heartbeat(Pointer config, long interval, long timeout);

    int wskt_config_set_max_message_size(Pointer config, long bytes);

    int wskt_config_set_max_fragments(Pointer config, int count);

    int wskt_config_set_read_buffer(Pointer config, Native.Size bytes);

    int wskt_config_set_water_marks(Pointer config, Native.Size low, Native.Size high);

    int wskt_config_set_deflate(Pointer config, byte on);

    int wskt_config_set_deflate_no_context_takeover(Pointer config, byte client, byte server);

    int wskt_config_set_deflate_max_window_bits(Pointer config, int client, int server);

    int wskt_config_set_deflate_level(Pointer config, int level);

    int wskt_config_set_deflate_min_size(Pointer config, Native.Size bytes);

    int wskt_loop_new(PointerByReference out);

    int wskt_loop_free(Pointer loop);

    int wskt_loop_next_event(Pointer loop, int timeout, PointerByReference out);

    int wskt_loop_wake(Pointer loop);

    int wskt_socket_new(Pointer loop, byte[] url, Pointer config, PointerByReference out);

    void wskt_socket_free(Pointer socket);

    int wskt_socket_add_protocol(Pointer socket, byte[] protocol);

    int wskt_socket_set_message_chunks(Pointer socket, byte on);

    int wskt_socket_set_user_data(Pointer socket, Pointer data, Pointer destroy);

    Pointer wskt_socket_user_data(Pointer socket);

    int wskt_socket_open(Pointer socket);

    int wskt_socket_connect(Pointer socket, int timeout);

    int wskt_socket_recv(Pointer socket, int timeout, PointerByReference out);

    int wskt_socket_send(Pointer socket, int kind, byte[] data, Native.Size length, int flags);

    int wskt_socket_send_binary(Pointer socket, byte[] data, Native.Size length);

    int wskt_socket_ping(Pointer socket, byte[] data, Native.Size length);

    int wskt_socket_close(Pointer socket, short code, byte[] reason, Native.Size length);

    int wskt_socket_abort(Pointer socket);

    int wskt_socket_pause(Pointer socket);

    int wskt_socket_resume(Pointer socket);

    int wskt_socket_ready_state(Pointer socket);

    Native.Size wskt_socket_buffered_amount(Pointer socket);

    Pointer wskt_socket_url(Pointer socket, Pointer length);

    Pointer wskt_socket_protocol(Pointer socket, Pointer length);

    Pointer wskt_socket_response_header(Pointer socket, byte[] name, Pointer length);

    Pointer wskt_socket_close_event(Pointer socket);

    int wskt_socket_stats(Pointer socket, Native.RawStats stats);

    int wskt_reconnector_new(Pointer pattern, PointerByReference out);

    void wskt_reconnector_free(Pointer reconnector);

    int wskt_reconnector_set_delays(Pointer reconnector, long first, long longest);

    int wskt_reconnector_set_max_tries(Pointer reconnector, int most);

    int wskt_reconnector_start(Pointer reconnector);

    int wskt_reconnector_connect(Pointer reconnector, int timeout, PointerByReference out);

    int wskt_reconnector_stop(Pointer reconnector);

    byte wskt_reconnector_is_over(Pointer reconnector);

    Pointer wskt_reconnector_socket(Pointer reconnector);
}
