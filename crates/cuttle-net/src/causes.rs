//! What an error of a library comes from: hyper's own texts say only where it happened.

use std::error::Error;
use std::io;

use rustix::io::Errno;

/// An error with its causes, from the outermost to the first.
#[must_use]
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Whether the system lets this process, or all of them together, open nothing more: whoever was to be reached is not to blame.
#[must_use]
pub fn is_out_of_descriptors(error: &(dyn Error + 'static)) -> bool {
    is_any(error, &|error| {
        let io = error.downcast_ref::<io::Error>().and_then(Errno::from_io_error);
        matches!(io, Some(Errno::MFILE | Errno::NFILE))
    })
}

/// Whether the other side showed a certificate that is not trusted. Asked again, it shows the same.
#[must_use]
pub fn is_bad_certificate(error: &(dyn Error + 'static)) -> bool {
    is_any(error, &|error| {
        matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
    })
}

/// Whether that is true of an error or of one of its causes.
pub(crate) fn is_any(
    error: &(dyn Error + 'static),
    is_it: &dyn Fn(&(dyn Error + 'static)) -> bool,
) -> bool {
    // What an `io::Error` wraps is not its source: that is what the wrapped one has as its own.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let wrapped = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static));
    is_it(error) || wrapped.or_else(|| error.source()).is_some_and(|cause| is_any(cause, is_it))
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn a_cause_is_found_however_deep_it_is_wrapped() {
        let certificate = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::other(certificate()));
        assert!(is_bad_certificate(&certificate()) && is_bad_certificate(&wrapped));
        let descriptors = io::Error::other(io::Error::from(Errno::MFILE));
        assert!(is_out_of_descriptors(&descriptors) && !is_bad_certificate(&descriptors));
        assert!(!is_out_of_descriptors(&io::Error::from(Errno::CONNREFUSED)));
    }
}
