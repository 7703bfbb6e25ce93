/* loop_glib - wskt inside a GLib main loop, GTK's too:  loop_glib URL
   On Linux the descriptor tells of deadlines too; docs/guide/driving.md has what
   other systems want beside it. */
#include <glib-unix.h>
#include <stdio.h>

#include <wskt.h>

static void on_open(wskt_socket *socket, const wskt_open_event *event, void *user_data)
{
    (void)event;
    (void)user_data;
    wskt_socket_send_text(socket, "hello", 5);
}

static void on_message(wskt_socket *socket, const wskt_message_event *event, void *user_data)
{
    (void)user_data;
    printf("%.*s\n", (int)event->len, (const char *)event->data);
    wskt_socket_close(socket, WSKT_CLOSE_NORMAL, NULL, 0);
}

static void on_close(wskt_socket *socket, const wskt_close_event *event, void *user_data)
{
    (void)socket;
    fprintf(stderr, "closed: %u %s\n", event->code, event->message);
    g_main_loop_quit(user_data);
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer loop)
{
    (void)fd;
    (void)condition;
    wskt_loop_dispatch(loop);
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
    GMainLoop *glib = g_main_loop_new(NULL, FALSE);
    wskt_socket *socket;
    wskt_loop *loop;
    guint source;

    if (argc != 2 || wskt_loop_new(&loop) != WSKT_OK ||
        wskt_socket_new(loop, argv[1], NULL, &socket) != WSKT_OK)
        return 2;
    wskt_socket_set_user_data(socket, glib, NULL);
    wskt_socket_set_on_open(socket, on_open);
    wskt_socket_set_on_message(socket, on_message);
    wskt_socket_set_on_close(socket, on_close);
    source = g_unix_fd_add(wskt_loop_fd(loop), G_IO_IN, on_readable, loop);
    wskt_socket_open(socket);
    g_main_loop_run(glib);
    g_source_remove(source);
    wskt_socket_free(socket);
    wskt_loop_free(loop);
    g_main_loop_unref(glib);
    return 0;
}
