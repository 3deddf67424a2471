//! Addresses: what may be asked, what may be shown, and where secrets may be sent.
//!
//! User name and password are taken off an address when it is read, so that nothing that shows or logs it can show them.

use std::fmt::Display;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use ureq::http::{HeaderValue, Uri};
use url::Url;

use super::error::HttpSetupError;

/// An address without user name and password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Address {
    /// The address.
    url: Url,
}

/// Why a redirect is not followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BadRedirect {
    /// Its target is no address for HTTP.
    NotHttp,
    /// It leads from an encrypted connection to one that is not.
    Unencrypted,
}

impl Address {
    /// Reads an address; also returns the `Authorization` that its user name and password make.
    pub(super) fn parse(text: &str) -> Result<(Self, Option<HeaderValue>), HttpSetupError> {
        let not_a_url = |problem: &dyn Display| HttpSetupError::Address {
            address: None,
            problem: format!("{problem}; it should look like http://host/path").into(),
        };
        let url = Url::parse(text).map_err(|error| not_a_url(&error))?;
        // `user:password@host` without the beginning: nothing tells the parts apart.
        if url.cannot_be_a_base() {
            return Err(not_a_url(&"no // after its first colon"));
        }
        let authorization = basic(&url);
        let address = Self { url: bare(url) };
        match address.problem() {
            None => Ok((address, authorization)),
            Some(problem) => {
                Err(HttpSetupError::Address { address: Some(address.shown().into()), problem: problem.into() })
            }
        }
    }

    /// Returns what is wrong with the address, if something is.
    fn problem(&self) -> Option<&'static str> {
        match self.url.scheme() {
            "http" => {}
            "https" if cfg!(feature = "https") => {}
            "https" => return Some("https is not built in: add the feature `https`"),
            _ => return Some("the address must begin with http:// or https://"),
        }
        self.url.as_str().parse::<Uri>().err().map(|_| "the address has characters that cannot be sent")
    }

    /// Returns the address that `location` leads to from here.
    pub(super) fn follow(&self, location: &str) -> Result<Self, BadRedirect> {
        let to = Self { url: bare(self.url.join(location).map_err(|_| BadRedirect::NotHttp)?) };
        match (self.url.scheme(), to.url.scheme()) {
            ("https", "http") => Err(BadRedirect::Unencrypted),
            (_, "http" | "https") => Ok(to),
            _ => Err(BadRedirect::NotHttp),
        }
    }

    /// Tells whether what is secret at this address may be sent to `other`: the same server, or its encrypted twin.
    pub(super) fn trusts(&self, other: &Self) -> bool {
        let is_twin = self.url.scheme() == "http" && other.url.scheme() == "https";
        self.url.origin() == other.url.origin() || is_twin && self.url.host() == other.url.host()
    }

    /// Returns the address as it is asked.
    pub(super) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Returns the address as it is shown.
    pub(super) fn shown(&self) -> &str {
        self.url.as_str()
    }

    /// Returns the address as it is shown where a server gave it: its query may be a signature, which is a secret.
    pub(super) fn shown_without_query(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.into()
    }
}

/// Takes off what is not sent as part of an address.
fn bare(mut url: Url) -> Url {
    // These fail where an address has no host, and then it has no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url
}

/// Makes an `Authorization` of the user name and password in `url`.
fn basic(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut plain: Vec<u8> = percent_decode_str(url.username()).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(url.password().unwrap_or_default()));
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(plain)))
        .expect("base64 has only characters that a header may have");
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address { url: Url::parse(text).unwrap() }
    }

    #[test]
    fn a_redirect_from_https_to_http_is_refused() {
        let from = address("https://host/a");
        assert_eq!(from.follow("http://host/b"), Err(BadRedirect::Unencrypted));
        assert_eq!(from.follow("/b"), Ok(address("https://host/b")));
        assert_eq!(from.follow("//other/b"), Ok(address("https://other/b")));
        assert_eq!(address("http://host/a").follow("https://host/b"), Ok(address("https://host/b")));
    }

    #[test]
    fn a_redirect_to_something_else_than_http_is_refused() {
        assert_eq!(address("http://host/a").follow("file:///etc/passwd"), Err(BadRedirect::NotHttp));
        assert_eq!(address("http://host/a").follow("http://"), Err(BadRedirect::NotHttp));
    }

    #[test]
    fn secrets_stay_with_their_server() {
        let from = address("http://host:81/a");
        assert!(from.trusts(&address("http://host:81/b")));
        assert!(from.trusts(&address("https://host/b")));
        assert!(!from.trusts(&address("http://host:82/a")));
        assert!(!from.trusts(&address("http://host.other:81/a")));
        assert!(!address("https://host/a").trusts(&address("http://host/a")));
        assert!(!address("https://host/a").trusts(&address("https://host:444/a")));
    }

    #[test]
    fn a_password_is_sent_as_it_was_before_it_was_percent_encoded() {
        let (address, authorization) = Address::parse("http://me:p%40ss@host/a#top").unwrap();
        assert_eq!(address.as_str(), "http://host/a");
        assert_eq!(authorization.unwrap(), format!("Basic {}", BASE64_STANDARD.encode("me:p@ss")));
    }
}
