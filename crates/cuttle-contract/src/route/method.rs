//! Methods that an application answers.

use std::fmt;

use super::error::RouteError;

/// The name of a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMethod(String);

impl RouteMethod {
    /// Reads `GET`.
    ///
    /// # Errors
    /// [`RouteError::Method`].
    pub fn parse(written: &str) -> Result<Self, RouteError> {
        let is_method = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
        let is_method = !written.is_empty() && written.bytes().all(is_method);
        is_method.then(|| Self(written.to_owned())).ok_or(RouteError::Method)
    }

    /// Whether it stands for this method: whoever answers GET answers HEAD (RFC 9110 §9.3.2).
    #[must_use]
    pub fn takes(&self, method: &str) -> bool {
        self.0 == method || self.0 == "GET" && method == "HEAD"
    }
}

impl fmt::Display for RouteMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_method_is_refused() {
        for written in ["", "get", "GET ", "GET,POST"] {
            assert_eq!(RouteMethod::parse(written), Err(RouteError::Method), "{written}");
        }
    }
}
