//! What the TLS library says, as a sentence that a person can act on.

/// The reason in an error of OpenSSL; other texts stay as they are.
pub(crate) fn sentence(error: &str) -> String {
    // "error:0A000086:SSL routines:…:certificate verify failed:file:line: (why)"
    if let Some((_, why)) = error.rsplit_once('(')
        && error.contains("certificate verify failed")
    {
        return why.trim_end_matches(')').to_owned();
    }
    let first = error.split(", error:").next().unwrap_or(error);
    match first.split(':').nth(4) {
        Some(reason) if first.starts_with("error:") => reason.trim().to_owned(),
        _ => error.to_owned(),
    }
}

/// Why TLS with the server `name` failed.
pub(super) fn explain(error: &str, name: &str) -> String {
    let reason = sentence(error);
    match hint(&reason, name) {
        Some(hint) => format!("{reason}: {hint}"),
        None => reason,
    }
}

/// What the reason means, where it does not say so itself.
fn hint(reason: &str, name: &str) -> Option<String> {
    let what = match reason {
        "hostname mismatch" | "IP address mismatch" => {
            return Some(format!("the server's certificate is not for {name}"));
        }
        "unable to get local issuer certificate" | "unable to verify the first certificate" => {
            "an untrusted CA, or an intermediate certificate is missing"
        }
        "wrong version number" => "the server does not speak TLS on this port",
        "unsupported protocol" => "the server speaks no version of TLS that is allowed here",
        _ => match reason.split_once("alert ")?.1 {
            "certificate required" => "the server asks for a client certificate",
            "handshake failure" => {
                "the server refused: no cipher in common, or it asks for a client certificate"
            }
            "protocol version" => "the server speaks no version of TLS that is allowed here",
            "unknown ca"
            | "bad certificate"
            | "certificate unknown"
            | "certificate expired"
            | "certificate revoked"
            | "unsupported certificate"
            | "decrypt error" => "the server refused the client certificate",
            _ => "the server refused",
        },
    };
    Some(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{explain, sentence};

    #[test]
    fn errors_become_sentences() {
        let verify = "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate \
                      verify failed:../ssl/statem/statem_clnt.c:1889: (certificate has expired)";
        assert_eq!(sentence(verify), "certificate has expired");
        let version =
            "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/a.c:354:";
        assert_eq!(sentence(version), "wrong version number");
        assert_eq!(sentence("something else"), "something else");
    }

    #[test]
    fn reasons_are_explained_where_they_need_it() {
        let alert = "error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate \
                     required:../ssl/record/rec_layer_s3.c:1605:SSL alert number 116";
        assert_eq!(
            explain(alert, "a.example"),
            "tlsv13 alert certificate required: the server asks for a client certificate"
        );
        let name = "error:0A000086:SSL routines:x:certificate verify failed:a.c:1: (hostname \
                    mismatch)";
        assert_eq!(
            explain(name, "a.example"),
            "hostname mismatch: the server's certificate is not for a.example"
        );
        assert_eq!(explain("something else", "a.example"), "something else");
    }
}
