//! The hash functions that applications shard by.

use super::Key;
use md5::{Digest, Md5};
use serde::Deserialize;

/// A hash of 32 bits.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HashFunction {
    /// CRC-32 as in zlib and as MySQL's `CRC32()`.
    Crc32,
    /// MurmurHash3 x86 32 bits, seed 0.
    Murmur3,
    /// The first four bytes of MD5: `CONV(LEFT(MD5(key), 8), 16, 10)`.
    Md5Prefix,
}

/// What of a key is hashed.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HashInput {
    /// Its text: decimal digits of a number, UTF-8.
    #[default]
    Text,
    /// A number's eight bytes, low byte first.
    Int64Le,
    /// A number's eight bytes, high byte first.
    Int64Be,
}

impl HashInput {
    /// The bytes that are hashed; `None` when the key has no such form.
    pub(super) fn bytes(self, key: &Key) -> Option<Vec<u8>> {
        let number = || match key {
            Key::Number(number) => i64::try_from(*number).ok(),
            Key::Text(_) => None,
        };
        Some(match self {
            Self::Text => key.text().into_bytes(),
            Self::Int64Le => number()?.to_le_bytes().to_vec(),
            Self::Int64Be => number()?.to_be_bytes().to_vec(),
        })
    }
}

impl HashFunction {
    /// The hash of some bytes.
    pub(super) fn of(self, bytes: &[u8]) -> u32 {
        match self {
            Self::Crc32 => crc32fast::hash(bytes),
            Self::Murmur3 => murmur3(bytes),
            Self::Md5Prefix => {
                let digest: [u8; 16] = Md5::digest(bytes).into();
                u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
            }
        }
    }
}

/// MurmurHash3_x86_32 with seed 0 (Austin Appleby's public-domain description).
fn murmur3(bytes: &[u8]) -> u32 {
    let mix = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut h = 0_u32;
    let mut blocks = bytes.chunks_exact(4);
    for block in &mut blocks {
        h ^= mix(u32::from_le_bytes([block[0], block[1], block[2], block[3]]));
        h = h.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let tail = blocks.remainder().iter().rev().fold(0, |tail, &byte| (tail << 8) | u32::from(byte));
    h ^= mix(tail);
    h ^= u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    h ^= h >> 16;
    h = h.wrapping_mul(0x85eb_ca6b);
    h ^= h >> 13;
    h = h.wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Published test vectors of each function.
    #[test]
    fn hashes_agree_with_their_test_vectors() {
        assert_eq!(HashFunction::Crc32.of(b"123456789"), 0xcbf4_3926);
        assert_eq!(HashFunction::Md5Prefix.of(b"abc"), 0x9001_5098);
        assert_eq!(HashFunction::Murmur3.of(b""), 0);
        assert_eq!(HashFunction::Murmur3.of(b"test"), 0xba6b_d213);
        assert_eq!(HashFunction::Murmur3.of(b"Hello, world!"), 0xc036_3e43);
        assert_eq!(HashFunction::Murmur3.of(b"The quick brown fox jumps over the lazy dog"), 0x2e4f_f723);
    }

    #[test]
    fn the_bytes_of_a_number_are_its_text_or_its_eight_bytes() {
        let key = Key::Number(258);
        assert_eq!(HashInput::Text.bytes(&key), Some(b"258".to_vec()));
        assert_eq!(HashInput::Int64Le.bytes(&key), Some(vec![2, 1, 0, 0, 0, 0, 0, 0]));
        assert_eq!(HashInput::Int64Be.bytes(&key), Some(vec![0, 0, 0, 0, 0, 0, 1, 2]));
        assert_eq!(HashInput::Int64Be.bytes(&Key::Text("258".to_owned())), None);
    }
}
