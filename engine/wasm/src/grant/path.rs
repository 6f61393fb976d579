//! Paths of URLs in the one spelling that is compared.

use std::fmt;

use url::Url;

/// A path, or everything that begins like one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PathPattern {
    prefix: String,
    open: bool,
}

impl PathPattern {
    pub(super) fn parse(path: &str) -> Result<Self, String> {
        let (prefix, open) = match path.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (path, false),
        };
        if prefix.contains('*') {
            return Err("`*` stands only at the end of the path".to_owned());
        }
        if !prefix.starts_with('/') {
            return Err("a path begins with `/`".to_owned());
        }
        // Before the URL is parsed, which would quietly resolve them.
        canonical(prefix)?;
        let url =
            Url::parse(&format!("https://host{prefix}")).map_err(|wrong| wrong.to_string())?;
        Ok(Self {
            prefix: canonical(url.path())?,
            open,
        })
    }

    pub(super) fn covers(&self, path: &str) -> bool {
        match self.open {
            true => path.starts_with(&self.prefix),
            false => path == self.prefix,
        }
    }

    pub(super) fn intersect(&self, other: &Self) -> Option<Self> {
        let (short, long) = match self.prefix.len() <= other.prefix.len() {
            true => (self, other),
            false => (other, self),
        };
        if short.prefix == long.prefix {
            let open = short.open && long.open;
            return Some(Self {
                open,
                ..short.clone()
            });
        }
        short.covers(&long.prefix).then(|| long.clone())
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.open { "*" } else { "" };
        write!(f, "{}{star}", self.prefix)
    }
}

/// The path with letters, digits and `-._~` written as themselves, what has a meaning in patterns written
/// as an escape, and every escape in upper case.
///
/// # Errors
/// When a server that decodes once more than another would see another path.
pub(super) fn canonical(path: &str) -> Result<String, &'static str> {
    let plain = escapes(path, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
    })?;
    let mut decoded = plain.clone();
    // `%` itself may be escaped, and what follows it need not be an escape then.
    let mut depth = 0;
    while let Ok(next) = escapes(&decoded, |byte| byte.is_ascii()) {
        if next == decoded {
            break;
        }
        decoded = next;
        depth += 1;
        if depth > 4 {
            return Err("it is escaped again and again");
        }
    }
    let dots = decoded
        .split(['/', '\\'])
        .map(|segment| segment.split(';').next().unwrap_or_default())
        .any(|segment| segment == "." || segment == "..");
    if dots {
        return Err("a segment is `.` or `..`");
    }
    if decoded.chars().any(char::is_control) {
        return Err("there is a control character in it");
    }
    Ok(plain
        .replace('@', "%40")
        .replace('*', "%2A")
        .replace(' ', "%20"))
}

/// Decodes the escapes of bytes that `plainly` says.
fn escapes(path: &str, plainly: impl Fn(u8) -> bool) -> Result<String, &'static str> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let digits = escape
            .get(1..3)
            .filter(|two| two.bytes().all(|one| one.is_ascii_hexdigit()));
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        let byte = byte.ok_or("`%` without two hexadecimal digits")?;
        match plainly(byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
        rest = &escape[3..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{PathPattern, canonical};

    #[test]
    fn there_is_one_spelling() {
        assert_eq!(canonical("/%7euser/a%2fb").unwrap(), "/~user/a%2Fb");
        assert_eq!(canonical("/a%25b").unwrap(), "/a%25b");
        assert_eq!(canonical("/a/...").unwrap(), "/a/...");
        assert_eq!(canonical("/@me/a *%2a").unwrap(), "/%40me/a%20%2A%2A");
        for wrong in [
            "/a/../b",
            "/%2e/x",
            "/a%2f..%2fb",
            "/%25252e%25252e/",
            "/..;x=1/a",
            "/a%00",
            "/a%",
        ] {
            assert!(canonical(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_star_is_a_beginning() {
        let shown = |text: &str| PathPattern::parse(text).map(|path| path.to_string());
        assert_eq!(shown("/a b/*").unwrap(), "/a%20b/*");
        assert!(shown("a").is_err());
        assert!(PathPattern::parse("/a/*").unwrap().covers("/a/"));
        assert!(!PathPattern::parse("/a/*").unwrap().covers("/a"));
    }
}
