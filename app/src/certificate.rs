//! When the certificate ends that visitors get: it is asked of the TLS server in front, so that a renewed file that
//! nobody loaded does not count. The connection ends once the certificate was seen, and trusts nothing.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, Stream,
};
use webpki::{EndEntityCert, KeyUsage};

/// For connecting, and for each step of the handshake.
const PATIENCE: Duration = Duration::from_secs(3);
/// Behind the last date that a certificate can name, the end of the year 9999.
const BEHIND_EVERY_DATE: Duration = Duration::from_hours(70_389_528);

/// Asks `endpoint` (`<host>:<port>`) for the certificate of `name`; when it ends, in microseconds. Blocks for some
/// seconds at most once the host's name is resolved.
///
/// # Errors
/// When nobody answers there, or not with a certificate.
pub fn ends(endpoint: &str, name: &str) -> anyhow::Result<i64> {
    let name = ServerName::try_from(name.to_owned()).context("the certificate's name is none")?;
    let seen = Arc::new(Seen::default());
    let mut tls = ClientConnection::new(Arc::new(config(&seen)?), name)?;
    let mut tcp = connect(endpoint).with_context(|| format!("{endpoint} does not answer"))?;
    // Ends with the refusal of `Seen`, or before it has seen anything.
    let ended = io::Read::read(&mut Stream::new(&mut tls, &mut tcp), &mut [0]);
    let certificate = seen.0.lock().take();
    match (certificate, ended) {
        (Some(certificate), _) => not_after(&certificate),
        (None, Err(error)) => Err(error).with_context(|| format!("{endpoint} speaks no TLS")),
        (None, Ok(_)) => anyhow::bail!("{endpoint} showed no certificate"),
    }
}

fn connect(endpoint: &str) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in endpoint.to_socket_addrs()?.take(3) {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn config(seen: &Arc<Seen>) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let verifier = Arc::clone(seen) as Arc<dyn ServerCertVerifier>;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// The end of a certificate in microseconds. Its validity is what webpki looks at first, and at a time behind every
/// date it says which one was missed.
fn not_after(certificate: &CertificateDer<'_>) -> anyhow::Result<i64> {
    let parsed = EndEntityCert::try_from(certificate).context("the certificate cannot be read")?;
    let late = UnixTime::since_unix_epoch(BEHIND_EVERY_DATE);
    let usage = KeyUsage::server_auth();
    match parsed.verify_for_usage(&[], &[], &[], late, usage, None, None) {
        Err(webpki::Error::CertExpired { not_after, .. }) => {
            let seconds = i64::try_from(not_after.as_secs())?;
            Ok(seconds.saturating_mul(1_000_000))
        }
        Err(error) => Err(error).context("the certificate has no end"),
        Ok(_) => anyhow::bail!("the certificate has no end"),
    }
}

/// Keeps the certificate that a server shows, and refuses it.
#[derive(Debug, Default)]
struct Seen(Mutex<Option<CertificateDer<'static>>>);

const REFUSED: &str = "only the certificate was asked for";

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock() = Some(end_entity.clone().into_owned());
        Err(Error::General(REFUSED.to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General(REFUSED.to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General(REFUSED.to_owned()))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider: CryptoProvider = ring::default_provider();
        provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// Made with `openssl req -x509 -days 36500`.
    const CERTIFICATE: &str = "\
MIIBqjCCAVCgAwIBAgIUbPN+Z6OLOvGNCODqLHPEJwHHkhMwCgYIKoZIzj0EAwIwGzEZMBcGA1UEAwwQbWluaXR3\
aXQuZXhhbXBsZTAgFw0yNjExMjkyMzU1MzZaGA8yMTI2MTEwNTIzNTUzNlowGzEZMBcGA1UEAwwQbWluaXR3aXQu\
ZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGVUypQhpHS/2iVGUWpYXBd0pMOKd7VA6MbHQTuxfhQo\
67FX27fmuWgA9xDkCpArw0wxg20LGwaFFnRGi0Cj1HmjcDBuMB0GA1UdDgQWBBRRUr42lh+xFVNfNMXAruxtQM50\
tDAfBgNVHSMEGDAWgBRRUr42lh+xFVNfNMXAruxtQM50tDAPBgNVHRMBAf8EBTADAQH/MBsGA1UdEQQUMBKCEG1p\
bml0d2l0LmV4YW1wbGUwCgYIKoZIzj0EAwIDSAAwRQIgKw9Dnp9tNKK1IeScP/IiupRgl/iD4UY9YqYL2a+ib9gC\
IQCLfthlqfVEyN/RAWe9lkFrP9OEhbqFJk1BEU5Y43eB4Q==";

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let der = CertificateDer::from(STANDARD.decode(CERTIFICATE).unwrap());
        assert_eq!(not_after(&der).unwrap(), 4_949_596_536_000_000);
        assert!(not_after(&CertificateDer::from(vec![1, 2, 3])).is_err());
    }

    #[test]
    fn who_speaks_no_tls_is_an_error_and_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        assert!(ends(&address, "minitwit.example").unwrap_err().to_string().contains("no TLS"));
        server.join().unwrap();
        assert!(ends(&address, "minitwit.example").unwrap_err().to_string().contains("answer"));
        assert!(ends(&address, "not a name").is_err());
    }
}
