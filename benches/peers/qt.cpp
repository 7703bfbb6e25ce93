// Qt WebSockets 5 on a QCoreApplication: no window, no display.
#include "../clients/bench.h"

#include <QtCore/QCoreApplication>
#include <QtWebSockets/QWebSocket>

#include <functional>
#include <vector>

static bench work;
static std::vector<QWebSocket *> all;
static std::uint64_t sent, done;

static void finish() {
    bench_end(&work);
    fflush(stdout);
    _exit(0);
}

static void send_one(QWebSocket *socket) {
    static const QByteArray bytes(reinterpret_cast<char *>(work.payload), static_cast<int>(work.size));
    static const QString text = QString::fromUtf8(bytes);
    if (work.kind[0] == 'b')
        socket->sendBinaryMessage(bytes);
    else
        socket->sendTextMessage(text);
    sent++;
}

static void take(QWebSocket *socket, const QByteArray &bytes) {
    if (bench_is(&work, "send-joined")) {
        bench_check_sink(&work, bytes.constData(), static_cast<std::size_t>(bytes.size()));
        finish();
    }
    bench_check(&work, bytes.constData(), static_cast<std::size_t>(bytes.size()));
    if (++done == work.count)
        finish();
    else if (bench_is(&work, "fan") || (!bench_is(&work, "receive") && sent < work.count))
        send_one(socket);
}

// QString is UTF-16: a program that wants the bytes has to convert them back.
static void take_text(QWebSocket *socket, const QString &text) {
    take(socket, text.toUtf8());
}

static void start(QWebSocket *socket) {
    bench_begin(&work);
    if (bench_is(&work, "receive")) {
        socket->sendBinaryMessage("go");
        return;
    }
    const std::uint64_t window = bench_is(&work, "pipeline")      ? std::uint64_t{BENCH_WINDOW}
                                 : bench_is(&work, "send-joined") ? work.count
                                                                  : 1;
    while (sent < window)
        send_one(socket);
}

static void connect_next() {
    auto *socket = new QWebSocket;
    QObject::connect(socket, &QWebSocket::binaryMessageReceived,
                     [socket](const QByteArray &bytes) { take(socket, bytes); });
    QObject::connect(socket, &QWebSocket::textMessageReceived,
                     [socket](const QString &text) { take_text(socket, text); });
    QObject::connect(socket, &QWebSocket::connected, [socket] {
        if (bench_is(&work, "openclose")) {
            socket->close();
            return;
        }
        all.push_back(socket);
        if (all.size() < work.connections)
            connect_next();
        else if (bench_is(&work, "idle"))
            finish();
        else
            start(socket);
    });
    QObject::connect(socket, &QWebSocket::disconnected, [socket] {
        if (!bench_is(&work, "openclose"))
            bench_die("disconnected");
        socket->deleteLater();
        if (++done == work.count)
            finish();
        connect_next();
    });
    socket->open(QUrl(QString::fromUtf8(work.url)));
}

int main(int argc, char **argv) {
    bench_init(&work, argc, argv);
    bool found = false;
    for (const char *known : {"pingpong", "pipeline", "receive", "send-joined", "fan", "openclose", "idle"})
        found |= bench_is(&work, known);
    if (!found || work.tls)
        return BENCH_UNSUPPORTED;
    if (bench_is(&work, "idle"))
        work.connections = work.count;
    QCoreApplication application(argc, argv);
    if (bench_is(&work, "idle") || bench_is(&work, "openclose")) {
        work.rss_began = bench_rss();
        bench_begin(&work);
    }
    connect_next();
    return application.exec();
}
