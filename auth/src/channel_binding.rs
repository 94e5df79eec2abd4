//! `tls-server-end-point` (RFC 5929 section 4): the hash of the server's certificate that SCRAM-SHA-256-PLUS binds to.

use der::{
    Decode, Reader, SliceReader,
    asn1::{AnyRef, ObjectIdentifier},
};
use sha2::{Digest, Sha256, Sha384, Sha512};

const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const SHA384_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const SHA512_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const MD5_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4");
const SHA1_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
const ECDSA_WITH_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");

/// The channel-binding data of a server certificate in DER form: the leaf, the one this connection's handshake sent.
///
/// `None` when the data is not defined for it (Ed25519, RSA-PSS, something that isn't a certificate): then pass no data on, so
/// that SCRAM-SHA-256-PLUS is not offered. Clients differ in what they compute there, and a login would fail.
pub fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let digest = match signature_algorithm(certificate).ok()? {
        // MD5 and SHA-1 are replaced by SHA-256, says the RFC.
        MD5_WITH_RSA | SHA1_WITH_RSA | ECDSA_WITH_SHA1 | SHA256_WITH_RSA | ECDSA_WITH_SHA256 => {
            Sha256::digest(certificate).to_vec()
        }
        SHA384_WITH_RSA | ECDSA_WITH_SHA384 => Sha384::digest(certificate).to_vec(),
        SHA512_WITH_RSA | ECDSA_WITH_SHA512 => Sha512::digest(certificate).to_vec(),
        _ => return None,
    };
    Some(digest)
}

/// `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OID, parameters }, signature }` (RFC 5280).
fn signature_algorithm(certificate: &[u8]) -> der::Result<ObjectIdentifier> {
    let content = AnyRef::from_der(certificate)?;
    let mut fields = SliceReader::new(content.value())?;
    let _to_be_signed: AnyRef<'_> = fields.decode()?;
    let algorithm: AnyRef<'_> = fields.decode()?;
    SliceReader::new(algorithm.value())?.decode()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};

    use super::*;

    // Made with `openssl req -x509`; the expected hashes are those of `openssl dgst` over the DER files.
    const ECDSA_SHA1: &str = "MIIBdDCCARqgAwIBAgIUaT+9cKgJpXzhzq39XxTfrZlhSbIwCQYHKoZIzj0EATAPMQ0wCwYDVQQDDARuYXJ1MCAXDTI2MTEyMzA5NTA1MFoYDzIxMjYxMDMwMDk1MDUwWjAPMQ0wCwYDVQQDDARuYXJ1MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEuSOYkET+7rrbcrlQxX/2TPsJSttgRBpmaO33uGGRd8G88HjN5n1cO7kSKLD9eBQCyQoL3UesKt/ltbZzsDnJi6NTMFEwHQYDVR0OBBYEFCc+OQfyQ7wq8Q4f10xE0qL/kIcqMB8GA1UdIwQYMBaAFCc+OQfyQ7wq8Q4f10xE0qL/kIcqMA8GA1UdEwEB/wQFMAMBAf8wCQYHKoZIzj0EAQNJADBGAiEAq8XekRPKuMhOy2fMjAAVKy94E5Hspq4E2ki6giqLBPwCIQCZv/DDpYMEcOnvMsY+eTITKE9Ls+50wO2P4BbtXZDwzg==";
    const ECDSA_SHA256: &str = "MIIBdjCCARugAwIBAgIUJqx/cEw9vkMkWGXMgkhcJk8kSQowCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEbmFydTAgFw0yNjExMjMwOTUwNTBaGA8yMTI2MTAzMDA5NTA1MFowDzENMAsGA1UEAwwEbmFydTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKtMJLhC7+66lF2Y72FUByKHNbozmbDeVRPJ3eekqoT74ilBaoUMER3+GKg9OSH1nHuSHL+8e3FwR2409221SPSjUzBRMB0GA1UdDgQWBBTchy7yDtHXBb1YCtIMpydFy2sRpTAfBgNVHSMEGDAWgBTchy7yDtHXBb1YCtIMpydFy2sRpTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCcl4QwFldmeVf8pQu8A7nP9tmYewpIdW6+ZKh01O1EUQIhANtjuVEYId4AQoRLCK1u5fkU1urIKqmiJEviVr8W3fyQ";
    const ECDSA_SHA384: &str = "MIIBdjCCARugAwIBAgIUULs6yKXIqAJPzjZ4rt+qoLCiCG8wCgYIKoZIzj0EAwMwDzENMAsGA1UEAwwEbmFydTAgFw0yNjExMjMwOTUwNTBaGA8yMTI2MTAzMDA5NTA1MFowDzENMAsGA1UEAwwEbmFydTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBabxCTTud4CAxKyTFiRp8SBFqwAdmvFkyrXuTd5csoDyWN+IkFQxKpStgqigXcMT0n4FcYBKQJkNwB5tHRDshmjUzBRMB0GA1UdDgQWBBRp3KByueOFt5wlBWer0SdW8KMqtjAfBgNVHSMEGDAWgBRp3KByueOFt5wlBWer0SdW8KMqtjAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMDA0kAMEYCIQCOOazw57qXzd/8aKCd7cHcE18LvKwJXRjH5YPJxPh9VQIhAMy4L57Xa8SzQRNQRrS0XJszT/jda9diMxscplR/CTo7";
    const RSA_SHA256: &str = "MIIB9jCCAV+gAwIBAgIUGUNappnLaSh57nzhSoSbrqkUAu4wDQYJKoZIhvcNAQELBQAwDDEKMAgGA1UEAwwBbjAgFw0yNjExMjMwOTUwNTBaGA8yMTI2MTAzMDA5NTA1MFowDDEKMAgGA1UEAwwBbjCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAvOtPtWRkv++pgRAvSH2vAGn3Ve7HU9XwS/t1I8eRtSHXGY+vVOTGk/37D7BlMjnUbO0Af3L5aFjHvEzb5n5JgmP55+tLQkd1wesLK3zY4OhaAmuF9DqBbDg/CRSstE+gRBDSbdzBu/bjiUMHEFoE2G4vLYZUOIHnd1RQrlWxB38CAwEAAaNTMFEwHQYDVR0OBBYEFHCtZWxDV4q5PuadzWlgWOcoKrvRMB8GA1UdIwQYMBaAFHCtZWxDV4q5PuadzWlgWOcoKrvRMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADgYEAPLgFiw77lUQd3PRj8Ecz24j0rabrMpXSWtbEI2hjPXQJkv/8xlE9jDd5zJjvfqKavVsUO85miozDc7HsmM19Hn2sRZ8HQ0w/tsaelP0KZSSncNmKo/PuMM/3dEPrEoDO2GBCwDouyI4ZiXOP0AYGGtxw+mIAv1SQ9sT26JTh/XM=";
    const ED25519: &str = "MIIBNDCB56ADAgECAhRhSRD3j+U0d7gw1zeAc4wrfLc26TAFBgMrZXAwDzENMAsGA1UEAwwEbmFydTAgFw0yNjExMjMwOTUwNTBaGA8yMTI2MTAzMDA5NTA1MFowDzENMAsGA1UEAwwEbmFydTAqMAUGAytlcAMhAD4BArs4/Sj8lLOcNw7iRdKhujNjbyaQqrEu44Ga3c+8o1MwUTAdBgNVHQ4EFgQUTVXiLWUbs0l6pOafAeMW6oRM84YwHwYDVR0jBBgwFoAUTVXiLWUbs0l6pOafAeMW6oRM84YwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQDyEW+yZ3BTw34SYAFgnG05paV+5T2Y+0Bp/ThkMPAd6+BnawZRDM7WnFSjEpnhNFicgPV9JfiX0GeGI4qCRgUC";

    fn binding(certificate: &str) -> Option<String> {
        tls_server_end_point(&BASE64_STANDARD.decode(certificate).unwrap()).map(hex::encode)
    }

    #[test]
    fn the_signature_algorithm_decides_the_hash() {
        let cases = [
            (ECDSA_SHA1, "1c5ce31415f4e2ed4d17027ac4974df2158445ebf91a0a6f8ffd15106b2310c7"),
            (ECDSA_SHA256, "1df063c920398246a070503509f42141fe8906e2d666746a36d9e823520a1c56"),
            (RSA_SHA256, "be62312cd18baea2f967b52b1426d3ab6d4e0e98dfd6240bf8b7149e3cfdef23"),
            (
                ECDSA_SHA384,
                "c04e8e6c98d6479fbe5bcc93ea05f3ce2650c9a764a020c8d39b0f197b17303184b7825c351d4c95f659035c394622a4",
            ),
        ];
        for (certificate, expected) in cases {
            assert_eq!(binding(certificate).as_deref(), Some(expected));
        }
    }

    #[test]
    fn undefined_for_ed25519_and_for_what_is_no_certificate() {
        assert_eq!(binding(ED25519), None);
        assert_eq!(tls_server_end_point(b""), None);
        assert_eq!(tls_server_end_point(b"-----BEGIN CERTIFICATE-----"), None);
        let whole = BASE64_STANDARD.decode(ECDSA_SHA256).unwrap();
        for length in 0..whole.len() {
            assert_eq!(tls_server_end_point(&whole[..length]), None);
        }
    }
}
