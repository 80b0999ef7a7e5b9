//! A key that only a site's own servers know.

use std::fmt;
use std::hint::black_box;
use std::str::FromStr;

/// The shortest that cannot be guessed.
const SHORTEST: usize = 16;

/// A key that only a site's own servers know. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(String);

impl SecretKey {
    /// Whether somebody knows it. How long that takes says nothing about how much of it is right.
    pub fn is(&self, said: &str) -> bool {
        let (own, said) = (self.0.as_bytes(), said.as_bytes());
        let differing = own.iter().zip(said).fold(0, |bits, (own, said)| black_box(bits | (own ^ said)));
        own.len() == said.len() && differing == 0
    }
}

impl FromStr for SecretKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let fits = (SHORTEST..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err("write 16 to 256 visible ASCII characters, at random") }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_knows_all_of_it_knows_it() {
        let key: SecretKey = "0123456789abcdef".parse().unwrap();
        assert!(key.is("0123456789abcdef"));
        for said in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF"] {
            assert!(!key.is(said), "{said}");
        }
        assert!("short".parse::<SecretKey>().is_err() && "with a space in it".parse::<SecretKey>().is_err());
        assert_eq!(format!("{key:?}"), "SecretKey");
    }
}
