//! Ids and keys: who is who, and under which key it travels.

use uuid::Uuid;
use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

/// Whether a text can name a site: 1 to 128 visible ASCII characters without `/`.
pub fn is_site(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

/// Whether a text can name a visitor: as a site, and not starting with `~`, which marks a hit without identity.
pub fn is_visitor(text: &str) -> bool {
    is_site(text) && !text.starts_with('~')
}

/// Reads a hit's id: a UUID with or without hyphens, in either case.
pub fn parse_hit_id(text: &str) -> Option<Uuid> {
    if matches!(text.len(), 32 | 36) { Uuid::try_parse(text).ok() } else { None }
}

/// The key of a visitor's records: `site/visitor_id`.
pub fn visitor_key(site: &str, visitor_id: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(site.len() + 1 + visitor_id.len());
    write_visitor_key(&mut key, site, visitor_id);
    key
}

/// Appends [`visitor_key`] to a buffer.
pub fn write_visitor_key(out: &mut Vec<u8>, site: &str, visitor_id: &str) {
    out.extend_from_slice(site.as_bytes());
    out.push(b'/');
    out.extend_from_slice(visitor_id.as_bytes());
}

/// The key of a hit without identity: `site/~hit_id`.
pub fn anonymous_key(site: &str, hit_id: Uuid) -> Vec<u8> {
    let mut key = Vec::with_capacity(site.len() + 38);
    write_anonymous_key(&mut key, site, hit_id);
    key
}

/// Appends [`anonymous_key`] to a buffer.
pub fn write_anonymous_key(out: &mut Vec<u8>, site: &str, hit_id: Uuid) {
    out.extend_from_slice(site.as_bytes());
    out.extend_from_slice(b"/~");
    write_uuid(out, hit_id);
}

/// How long a UUID's text is.
pub const UUID_TEXT_LEN: usize = uuid::fmt::Hyphenated::LENGTH;

/// Appends a UUID as 36 lower-case characters.
#[inline]
pub fn write_uuid(out: &mut Vec<u8>, id: Uuid) {
    let mut text = [0; UUID_TEXT_LEN];
    write_uuid_over(&mut text, id);
    out.extend_from_slice(&text);
}

/// Writes a UUID as 36 lower-case characters over what stands there.
#[inline]
pub fn write_uuid_over(text: &mut [u8; UUID_TEXT_LEN], id: Uuid) {
    let mut digits = [0; 32];
    write_hex(&mut digits, id.as_bytes());
    *text = *b"00000000-0000-0000-0000-000000000000";
    text[0..8].copy_from_slice(&digits[0..8]);
    text[9..13].copy_from_slice(&digits[8..12]);
    text[14..18].copy_from_slice(&digits[12..16]);
    text[19..23].copy_from_slice(&digits[16..20]);
    text[24..36].copy_from_slice(&digits[20..32]);
}

/// Lower-case hexadecimal digits. The compiler makes three dozen instructions of the loop, sixteen digits at once; not inlined,
/// because it takes it apart again where it sees that the digits go to five places.
#[inline(never)]
fn write_hex(digits: &mut [u8; 32], bytes: &[u8; 16]) {
    for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        let byte = u16::from(*byte);
        let values = byte >> 4 | (byte & 0xf) << 8;
        let letters = (values + 0x0606) >> 4 & 0x0101;
        *pair = (values + 0x3030 + letters * u16::from(b'a' - b'9' - 1)).to_le_bytes();
    }
}

/// A hit's id within one visitor, as the engine keeps it: xxh3-64, seed 0, of the UUID's 16 bytes.
/// Part of the state's format.
pub fn hit_fingerprint(hit_id: Uuid) -> u64 {
    xxh3_64(hit_id.as_bytes())
}

/// A hit's identity within its partition (site, visitor and hit id): xxh3-64, seed 0, of the record's key, then
/// the UUID's 16 bytes. Part of the state's format.
pub fn identity_fingerprint(key: &[u8], hit_id: Uuid) -> u64 {
    in_one_piece(key, hit_id.as_bytes(), xxh3_64)
}

/// The id of the session that a hit opened: a UUID of version 8 from xxh3-128, seed 0, of
/// `site/visitor_id/hit_id`.
pub fn session_id(visitor_key: &[u8], hit_id: Uuid) -> Uuid {
    let mut tail = [b'/'; 1 + UUID_TEXT_LEN];
    write_uuid_over(tail.last_chunk_mut().expect("a slash more is longer"), hit_id);
    let hash = in_one_piece(visitor_key, &tail, xxh3_128);
    uuid::Builder::from_custom_bytes(hash.to_be_bytes()).into_uuid()
}

/// The id of a hit that its sender gave none that is one of a kind: equal texts have equal ids. A UUID of version 8 from
/// xxh3-128, seed 0.
pub fn content_id(text: &[u8]) -> Uuid {
    uuid::Builder::from_custom_bytes(xxh3_128(text).to_be_bytes()).into_uuid()
}

/// The visitor that an address and a user agent stand for, as where a server's log is all there is: xxh3-128, seed 0, of
/// the address, and of a zero byte and the user agent where there is one: 32 hexadecimal digits. It tells visitors apart;
/// it hides nobody.
pub fn visitor_of(address: &str, user_agent: Option<&str>) -> String {
    let mut hasher = Xxh3::new();
    hasher.update(address.as_bytes());
    if let Some(user_agent) = user_agent {
        hasher.update(b"\0");
        hasher.update(user_agent.as_bytes());
    }
    format!("{:032x}", hasher.digest128())
}

/// A key and what follows it, without an allocation where it fits, as every key of ours does. A hasher that takes parts
/// sets up half a kilobyte first.
fn in_one_piece<T>(key: &[u8], tail: &[u8], hash: impl FnOnce(&[u8]) -> T) -> T {
    let mut room = [0; 2 * 128 + 1 + 38 + 37];
    match room.get_mut(..key.len() + tail.len()) {
        Some(whole) => {
            whole[..key.len()].copy_from_slice(key);
            whole[key.len()..].copy_from_slice(tail);
            hash(whole)
        }
        None => hash(&[key, tail].concat()),
    }
}

/// xxh3-64, seed 0, as 16 hexadecimal digits: how a rejection names the body that it does not carry whole.
pub fn content_hash(bytes: &[u8]) -> String {
    format!("{:016x}", xxh3_64(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_visible_ascii_without_a_slash() {
        for good in ["shop.example", "a", &"x".repeat(128), "~site"] {
            assert!(is_site(good), "{good}");
        }
        for bad in ["", "a/b", "a b", "é", "a\n", &"x".repeat(129)] {
            assert!(!is_site(bad), "{bad:?}");
        }
        assert!(is_visitor("v1") && !is_visitor("~v1"));
    }

    #[test]
    fn a_uuid_is_written_as_the_library_writes_it() {
        for seed in 0..64u128 {
            let id = Uuid::from_u128(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
            let mut text = Vec::new();
            write_uuid(&mut text, id);
            assert_eq!(String::from_utf8(text).unwrap(), id.hyphenated().to_string());
        }
    }

    #[test]
    fn a_hit_id_reads_the_same_in_every_usual_form() {
        let hyphened = parse_hit_id("0190A3F2-0000-7000-8000-00000000000F").unwrap();
        assert_eq!(Some(hyphened), parse_hit_id("0190a3f2000070008000 00000000000f".replace(' ', "").as_str()));
        for bad in ["", "1", "{0190a3f2-0000-7000-8000-00000000000f}", "g190a3f2-0000-7000-8000-00000000000f"] {
            assert_eq!(None, parse_hit_id(bad), "{bad}");
        }
    }

    /// Ids are stored in users' lakes and in the state: they may never change.
    #[test]
    fn ids_and_fingerprints_are_fixed() {
        let hit = parse_hit_id("0190a3f2-0000-7000-8000-00000000000f").unwrap();
        let key = visitor_key("shop.example", "v1");
        let all = format!(
            "{} {:016x} {:016x} {}",
            session_id(&key, hit),
            hit_fingerprint(hit),
            identity_fingerprint(&key, hit),
            String::from_utf8(anonymous_key("shop.example", hit)).unwrap(),
        );
        insta::assert_snapshot!(all);
    }
}
