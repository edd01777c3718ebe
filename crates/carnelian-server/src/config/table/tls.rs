//! Encrypted connections.

use super::network;
use crate::config::spec::{Id, Spec, parameters};

const AUTH_CLIENTS: &[(&str, u32)] = &[("no", 0), ("yes", 1), ("optional", 2)];

parameters! {
    after network::END;
    /// TCP port for TLS connections, 0 for none. Default: 0.
    TLS_PORT = Spec::int("tls-port", 0, 0, 65535);
    /// Certificate of the server (and of its outgoing connections, unless a client certificate is set): path of a PEM file.
    /// Default: unset.
    TLS_CERT_FILE = Spec::optional("tls-cert-file").volatile();
    /// Private key of that certificate: path of a PEM file. Default: unset.
    TLS_KEY_FILE = Spec::optional("tls-key-file").volatile();
    /// Passphrase of the private key. Default: unset.
    TLS_KEY_FILE_PASS = Spec::optional("tls-key-file-pass");
    /// Certificate for outgoing connections: path of a PEM file. Default: unset, `tls-cert-file` is used.
    TLS_CLIENT_CERT_FILE = Spec::optional("tls-client-cert-file").volatile();
    /// Private key for outgoing connections: path of a PEM file. Default: unset, `tls-key-file` is used.
    TLS_CLIENT_KEY_FILE = Spec::optional("tls-client-key-file").volatile();
    /// Passphrase of the key for outgoing connections. Default: unset.
    TLS_CLIENT_KEY_FILE_PASS = Spec::optional("tls-client-key-file-pass");
    /// Diffie-Hellman parameters for old clients: path of a PEM file. Default: unset.
    TLS_DH_PARAMS_FILE = Spec::optional("tls-dh-params-file").volatile();
    /// Certificates of the authorities that are trusted: path of a PEM bundle. Default: unset.
    TLS_CA_CERT_FILE = Spec::optional("tls-ca-cert-file").volatile();
    /// Directory with certificates of trusted authorities. Default: unset.
    TLS_CA_CERT_DIR = Spec::optional("tls-ca-cert-dir").volatile();
    /// Whether clients must show a certificate: `yes`, `no`, or `optional` (checked when shown). Default: yes.
    TLS_AUTH_CLIENTS = Spec::words("tls-auth-clients", AUTH_CLIENTS, 1);
    /// Uses TLS for the connection to a primary. Default: no.
    TLS_REPLICATION = Spec::flag("tls-replication", false);
    /// Uses TLS for the cluster bus. Default: no.
    TLS_CLUSTER = Spec::flag("tls-cluster", false);
    /// Versions of TLS that are allowed, for example `"TLSv1.2 TLSv1.3"`. Default: unset, the library's choice.
    TLS_PROTOCOLS = Spec::optional("tls-protocols");
    /// Cipher list for TLS up to 1.2. Default: unset, the library's choice.
    TLS_CIPHERS = Spec::optional("tls-ciphers");
    /// Cipher suites for TLS 1.3. Default: unset, the library's choice.
    TLS_CIPHERSUITES = Spec::optional("tls-ciphersuites");
    /// The server's order of ciphers wins over the client's. Default: no.
    TLS_PREFER_SERVER_CIPHERS = Spec::flag("tls-prefer-server-ciphers", false);
    /// Lets clients resume sessions, which makes reconnecting cheaper. Default: yes.
    TLS_SESSION_CACHING = Spec::flag("tls-session-caching", true);
    /// Number of sessions kept for resuming, 0 for no limit. Default: 20480.
    TLS_SESSION_CACHE_SIZE = Spec::count("tls-session-cache-size", 20480);
    /// Seconds that a session can be resumed. Default: 300.
    TLS_SESSION_CACHE_TIMEOUT = Spec::count("tls-session-cache-timeout", 300);
}
