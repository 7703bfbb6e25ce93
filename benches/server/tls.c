/* A certificate for localhost and 127.0.0.1 to .8, made at every start. */
#define _GNU_SOURCE
#include "server.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static bool extend(X509 *cert, int nid, const char *value) {
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool done;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    done = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static X509 *make_certificate(EVP_PKEY *key) {
    X509 *cert = X509_new();
    X509_NAME *name;
    if (cert == NULL) {
        return NULL;
    }
    name = X509_get_subject_name(cert);
    if (X509_set_version(cert, 2) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
        X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
        X509_gmtime_adj(X509_getm_notAfter(cert), 86400) &&
        X509_set_pubkey(cert, key) &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   (const unsigned char *)"wskt bench", -1, -1,
                                   0) &&
        X509_set_issuer_name(cert, name) &&
        extend(cert, NID_basic_constraints, "critical,CA:TRUE") &&
        extend(cert, NID_subject_alt_name,
               "DNS:localhost,IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3,"
               "IP:127.0.0.4,IP:127.0.0.5,IP:127.0.0.6,IP:127.0.0.7,"
               "IP:127.0.0.8") &&
        X509_sign(cert, key, EVP_sha256())) {
        return cert;
    }
    X509_free(cert);
    return NULL;
}

SSL_CTX *tls_context(const char *ca_file) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key != NULL ? make_certificate(key) : NULL;
    FILE *file = fopen(ca_file, "w");
    bool done = context != NULL && cert != NULL && file != NULL &&
                PEM_write_X509(file, cert) &&
                SSL_CTX_use_certificate(context, cert) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1;
    if (file != NULL && fclose(file) != 0) {
        done = false;
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    if (!done) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 64 * 1024);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    return context;
}
