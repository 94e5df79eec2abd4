//! A password in memory: readable where it is checked, never printable.

use std::fmt;

use zeroize::Zeroizing;

/// A password or key as the client or the operator gave it.
///
/// `Debug` prints `***`, there is no `Display`, and the memory is overwritten on drop. It holds bytes, not text: a client may
/// send a password in any encoding, and the hashes are defined over bytes.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over `bytes`; a `String` moves in without a copy.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves. The name is long so that a reviewer sees it.
    pub fn expose_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True for a password of no bytes, which is never accepted (an LDAP server takes it for an anonymous bind).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_the_password() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2"))), "Some(***)");
    }
}
