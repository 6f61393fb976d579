//! Patterns of HTTP requests: `METHOD scheme://host[:port][/path*]`.
//!
//! Both sides are compared as parsed URLs, never as text: a request that two programs could read
//! differently is no request that a pattern can speak for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use thiserror::Error;
use url::{Host, Url};

use super::path::{PathPattern, canonical};

/// The methods that a pattern can name.
pub(crate) const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// Why a text is no pattern.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{text}` is not a pattern: {why}")]
pub struct PatternError {
    /// What was given.
    pub text: String,
    /// What is wrong with it, and what to write.
    pub why: String,
}

/// Why a URL is not looked up among patterns at all.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UrlError {
    /// No method that a pattern can name.
    #[error("`{0}` is no method that can be granted")]
    Method(String),
    /// Neither `http` nor `https`.
    #[error("only http and https are spoken, not `{0}`")]
    Scheme(String),
    /// `user:password@host`.
    #[error("a URL with user information is refused; name a secret and let the host attach it")]
    UserInfo,
    /// There is no host in it.
    #[error("there is no host in it")]
    NoHost,
    /// `[::ffff:127.0.0.1]` and its like.
    #[error("an IPv4 address written as IPv6 is refused; write it as IPv4")]
    Mapped,
    /// A path that servers read in more than one way.
    #[error("its path can be read in more than one way: {0}")]
    Path(&'static str),
}

/// What requests may go where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HttpPattern {
    methods: Vec<&'static str>,
    scheme: Scheme,
    host: HostPattern,
    port: Option<u16>,
    path: PathPattern,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum HostPattern {
    /// `*`: any host.
    Any,
    /// `*.example.org`: one label below `example.org`.
    Below(String),
    Exact(String),
}

/// One request, as far as patterns look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(crate) method: &'static str,
    scheme: Scheme,
    pub(crate) host: String,
    literal: bool,
    port: u16,
    path: String,
}

impl Target {
    /// What patterns see of a request.
    ///
    /// # Errors
    /// When the URL is of no kind that a pattern can speak for.
    pub fn of(method: &str, url: &Url) -> Result<Self, UrlError> {
        let known = known_method(method).map_err(|_| UrlError::Method(method.to_owned()))?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(UrlError::Scheme(other.to_owned())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::UserInfo);
        }
        let (host, literal) = host_text(url)?;
        Ok(Self {
            method: known,
            scheme,
            host,
            literal,
            port: url.port().unwrap_or(scheme.port()),
            path: canonical(url.path()).map_err(UrlError::Path)?,
        })
    }

    /// The URL without its query, for messages: a query may hold what nobody should read.
    #[must_use]
    pub fn address(&self) -> String {
        let (scheme, host) = (self.scheme.name(), &self.host);
        if self.port == self.scheme.port() {
            return format!("{scheme}://{host}{}", self.path);
        }
        format!("{scheme}://{host}:{}{}", self.port, self.path)
    }
}

/// The host in lower case without a last dot, and whether it is an address.
fn host_text(url: &Url) -> Result<(String, bool), UrlError> {
    match url.host() {
        None => Err(UrlError::NoHost),
        Some(Host::Ipv4(address)) => Ok((address.to_string(), true)),
        Some(Host::Ipv6(address)) => {
            if address.to_ipv4().is_some() && !address.is_loopback() && !address.is_unspecified() {
                return Err(UrlError::Mapped);
            }
            Ok((format!("[{address}]"), true))
        }
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            if name.is_empty() {
                return Err(UrlError::NoHost);
            }
            Ok((name, false))
        }
    }
}

impl HttpPattern {
    /// Whether the pattern speaks for a request.
    #[must_use]
    pub fn covers(&self, target: &Target) -> bool {
        self.methods.contains(&target.method)
            && self.scheme == target.scheme
            && self.host.covers(target)
            && self.port.is_none_or(|port| port == target.port)
            && self.path.covers(&target.path)
    }

    /// What both patterns speak for, if anything.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let methods: Vec<_> = self
            .methods
            .iter()
            .filter(|one| other.methods.contains(one))
            .copied()
            .collect();
        let port = match (self.port, other.port) {
            (Some(one), Some(two)) if one != two => return None,
            (one, two) => one.or(two),
        };
        if methods.is_empty() || self.scheme != other.scheme {
            return None;
        }
        Some(Self {
            methods,
            scheme: self.scheme,
            host: self.host.intersect(&other.host)?,
            port,
            path: self.path.intersect(&other.path)?,
        })
    }

    /// Whether the pattern names this machine itself: `localhost` or an address of its own.
    #[must_use]
    pub fn names_loopback(&self) -> bool {
        matches!(&self.host, HostPattern::Exact(host) if is_loopback(host))
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

impl HostPattern {
    fn covers(&self, target: &Target) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(host) => *host == target.host,
            Self::Below(parent) => !target.literal && is_below(&target.host, parent),
        }
    }

    fn intersect(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, host) | (host, Self::Any) => Some(host.clone()),
            (Self::Exact(one), Self::Exact(two)) | (Self::Below(one), Self::Below(two)) => {
                (one == two).then(|| self.clone())
            }
            (Self::Exact(host), Self::Below(parent)) | (Self::Below(parent), Self::Exact(host)) => {
                is_below(host, parent).then(|| Self::Exact(host.clone()))
            }
        }
    }
}

fn is_below(host: &str, parent: &str) -> bool {
    host.split_once('.')
        .is_some_and(|(label, rest)| !label.is_empty() && rest == parent)
}

impl FromStr for HttpPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        read(text).map_err(|why| PatternError {
            text: text.to_owned(),
            why,
        })
    }
}

fn read(text: &str) -> Result<HttpPattern, String> {
    let (methods, address) = match text.trim().split_once(char::is_whitespace) {
        None => (vec!["GET", "HEAD"], text.trim()),
        Some((method, address)) => (vec![known_method(method)?], address.trim()),
    };
    let (scheme, rest) = match address.split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        Some((other, _)) => return Err(format!("`{other}` is neither http nor https")),
        None => return Err("the scheme is missing; write `https://` before the host".to_owned()),
    };
    if let Some(wrong) = rest.chars().find(|one| "?#@\\".contains(*one)) {
        return Err(format!("`{wrong}` has no place in it"));
    }
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/*"),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match port {
        Some("*") => None,
        Some(port) => match port.parse() {
            Ok(port) if port != 0 => Some(port),
            _ => return Err(format!("`{port}` is no port")),
        },
        None => Some(scheme.port()),
    };
    Ok(HttpPattern {
        methods,
        scheme,
        host: read_host(host)?,
        port,
        path: PathPattern::parse(path)?,
    })
}

pub(super) fn known_method(method: &str) -> Result<&'static str, String> {
    let found = METHODS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(method));
    found.ok_or_else(|| {
        format!(
            "`{method}` is no method; there are {} (none means GET and HEAD)",
            METHODS.join(", ")
        )
    })
}

fn read_host(host: &str) -> Result<HostPattern, String> {
    if host == "*" {
        return Ok(HostPattern::Any);
    }
    let (below, name) = match host.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, host),
    };
    if name.contains('*') {
        return Err(
            "`*` stands only for the whole first label of a host: `*.example.org`".to_owned(),
        );
    }
    if name.is_empty() {
        return Err("the host is missing".to_owned());
    }
    let url = Url::parse(&format!("https://{name}/")).map_err(|wrong| wrong.to_string())?;
    let (name, literal) = host_text(&url).map_err(|wrong| wrong.to_string())?;
    match below {
        true if literal => Err("an address has no labels; name it in full".to_owned()),
        true => Ok(HostPattern::Below(name)),
        false => Ok(HostPattern::Exact(name)),
    }
}

impl fmt::Display for HttpPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [method] = self.methods.as_slice() {
            write!(f, "{method} ")?;
        }
        write!(f, "{}://", self.scheme.name())?;
        match &self.host {
            HostPattern::Any => f.write_str("*")?,
            HostPattern::Below(parent) => write!(f, "*.{parent}")?,
            HostPattern::Exact(host) => f.write_str(host)?,
        }
        match self.port {
            None => f.write_str(":*")?,
            Some(port) if port != self.scheme.port() => write!(f, ":{port}")?,
            Some(_) => {}
        }
        write!(f, "{}", self.path)
    }
}

impl<'de> Deserialize<'de> for HttpPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{HttpPattern, Target, UrlError};
    use url::Url;

    fn covers(pattern: &str, method: &str, url: &str) -> bool {
        let pattern: HttpPattern = pattern.parse().unwrap();
        Target::of(method, &Url::parse(url).unwrap()).is_ok_and(|target| pattern.covers(&target))
    }

    #[test]
    fn a_request_is_compared_as_a_url() {
        let yes = [
            ("https://a.org", "GET", "https://a.org/x/y?q=1"),
            ("https://a.org", "HEAD", "https://a.org"),
            ("https://a.org/", "get", "https://a.org/"),
            ("https://A.ORG.", "GET", "https://a.org:443/"),
            ("https://a.org:443", "GET", "HTTPS://A.org./x"),
            ("POST https://a.org/v2/*", "POST", "https://a.org/v2/x"),
            ("POST https://a.org/v2/*", "POST", "https://a.org/v2/x/../y"),
            ("POST https://a.org/v2*", "POST", "https://a.org/v2x"),
            ("https://*.a.org", "GET", "https://b.a.org/"),
            ("http://127.0.0.1:8080", "GET", "http://127.1:8080/"),
            ("http://[::1]:8080", "GET", "http://[0:0::1]:8080/"),
            ("http://*:*", "GET", "http://10.0.0.1:9/"),
            ("https://a.org/%7Eme/*", "GET", "https://a.org/~me/x"),
            ("https://a.org/ä/*", "GET", "https://a.org/%c3%a4/x"),
            ("https://bücher.de", "GET", "https://xn--bcher-kva.de/"),
        ];
        for (pattern, method, url) in yes {
            assert!(covers(pattern, method, url), "{pattern} {method} {url}");
        }
        let no = [
            ("https://a.org", "POST", "https://a.org/"),
            ("GET https://a.org", "HEAD", "https://a.org/"),
            ("https://a.org", "GET", "http://a.org/"),
            ("https://a.org", "GET", "https://a.org:8443/"),
            ("https://a.org", "GET", "https://a.org.evil.net/"),
            ("https://a.org", "GET", "https://a.org@evil.net/"),
            ("https://a.org", "GET", "https://user@a.org/"),
            ("https://a.org/", "GET", "https://a.org/x"),
            ("https://a.org/v2/*", "GET", "https://a.org/v2/../admin"),
            ("https://a.org/v2/*", "GET", "https://a.org/v2/%2e%2e/admin"),
            ("https://a.org/v2/*", "GET", "https://a.org/v2/..%2fadmin"),
            ("https://a.org/v2/*", "GET", "https://a.org/v2/..%5cadmin"),
            (
                "https://a.org/v2/*",
                "GET",
                "https://a.org/v2/%252e%252e/admin",
            ),
            ("https://a.org/v2/*", "GET", "https://a.org/v2/..;/admin"),
            ("https://a.org/v2/*", "GET", "https://a.org/v2%2Fx"),
            ("https://a.org/v2/*", "GET", "https://a.org/v2\\..\\admin"),
            ("https://a.org/v2/*", "GET", "https://a.org/v2/%zz"),
            ("https://*.a.org", "GET", "https://a.org/"),
            ("https://*.a.org", "GET", "https://c.b.a.org/"),
            ("https://*.a.org", "GET", "https://xa.org/"),
            ("http://127.0.0.1", "GET", "http://[::ffff:127.0.0.1]/"),
            ("http://*", "GET", "http://[::ffff:169.254.169.254]/"),
            ("http://*", "GET", "http://a.org:8080/"),
        ];
        for (pattern, method, url) in no {
            assert!(!covers(pattern, method, url), "{pattern} {method} {url}");
        }
    }

    #[test]
    fn a_wrong_pattern_says_what_to_write() {
        let wrong = |text: &str| text.parse::<HttpPattern>().unwrap_err().why;
        assert!(wrong("a.org").contains("https://"));
        assert!(wrong("ftp://a.org").contains("neither http nor https"));
        assert!(wrong("FETCH https://a.org").contains("none means GET and HEAD"));
        assert!(wrong("https://a.*.org").contains("`*.example.org`"));
        assert!(wrong("https://x*.a.org").contains("`*.example.org`"));
        assert!(wrong("https://*.0.0.1").contains("address"));
        assert!(wrong("https://me@a.org").contains("`@`"));
        assert!(wrong("https://a.org/x?y=1").contains("`?`"));
        assert!(wrong("https://a.org/*/x").contains("end of the path"));
        assert!(wrong("https://a.org/x/../y").contains(".."));
        assert!(wrong("https://a.org:0").contains("no port"));
        assert!(wrong("https://").contains("host is missing"));
        assert!(wrong("https://[::ffff:1.2.3.4]").contains("IPv4"));
    }

    #[test]
    fn what_two_patterns_share_is_a_pattern() {
        let shared = |one: &str, two: &str| {
            let (one, two): (HttpPattern, HttpPattern) =
                (one.parse().unwrap(), two.parse().unwrap());
            assert_eq!(one.intersect(&two), two.intersect(&one));
            one.intersect(&two).map(|both| both.to_string())
        };
        let same = |one: &str, two: &str, both: &str| {
            assert_eq!(shared(one, two).as_deref(), Some(both), "{one} and {two}");
        };
        same("https://*", "GET https://a.org/x", "GET https://a.org/x");
        same(
            "https://*.a.org/v1/*",
            "https://b.a.org",
            "https://b.a.org/v1/*",
        );
        same("http://*:*", "http://localhost:80", "http://localhost/*");
        same(
            "https://a.org/v*",
            "https://a.org/v2/*",
            "https://a.org/v2/*",
        );
        assert_eq!(shared("https://a.org", "POST https://a.org"), None);
        assert_eq!(shared("https://*.a.org", "https://a.org"), None);
        assert_eq!(shared("https://a.org/x", "https://a.org/y*"), None);
        assert_eq!(shared("https://a.org:1", "https://a.org:2"), None);
    }

    #[test]
    fn a_message_shows_no_query() {
        let target = |url: &str| Target::of("GET", &Url::parse(url).unwrap());
        let shown = target("https://a.org:8443/x?token=1#y").unwrap().address();
        assert_eq!(shown, "https://a.org:8443/x");
        assert_eq!(target("https://u:p@a.org/"), Err(UrlError::UserInfo));
        assert!(matches!(target("file:///etc"), Err(UrlError::Scheme(_))));
        let traced = Target::of("TRACE", &Url::parse("https://a.org").unwrap());
        assert_eq!(traced, Err(UrlError::Method("TRACE".to_owned())));
    }
}
