//! Whose certificates are trusted where we open connections ourselves: Mozilla's, and what an operator adds or puts in their
//! place.
//!
//! The variables are those that Node and OpenSSL read, because the app beside us has them already. The check is never off.

use std::env;
use std::fs;
use std::path::Path;

use cuttle_config::Config;
use cuttle_net::Roots;

use crate::error::HostError;

/// Named as in OpenSSL: these and no others.
const INSTEAD: &str = "SSL_CERT_FILE";
/// Named as in Node: these as well.
const BESIDE: &str = "NODE_EXTRA_CA_CERTS";

/// The roots of this configuration and environment, and what is left out of them: a file of Node's variable that holds none, as
/// Node leaves it out too. Reads files.
///
/// # Errors
/// Another file that is named and holds no certificate.
pub(crate) fn roots(config: &Config) -> Result<(Roots, Option<String>), HostError> {
    let variable = |name| env::var_os(name).filter(|path| !path.is_empty());
    let mut roots = match variable(INSTEAD) {
        Some(path) => read(Path::new(&path), INSTEAD, Roots::only)?,
        None => Roots::mozilla(),
    };
    let mut left_out = None;
    if let Some(path) = variable(BESIDE) {
        match read(Path::new(&path), BESIDE, |pem| roots.clone().and(pem)) {
            Ok(more) => roots = more,
            Err(error) => left_out = Some(format!("{error}; it is left out, as Node does")),
        }
    }
    if let Some(path) = &config.tls.roots {
        roots = read(path, "`tls.roots`", |pem| roots.and(pem))?;
    }
    Ok((roots, left_out))
}

fn read(
    path: &Path,
    named_by: &'static str,
    parse: impl FnOnce(&[u8]) -> Result<Roots, cuttle_net::NoRoots>,
) -> Result<Roots, HostError> {
    let wrong = |why: String| HostError::Roots { named_by, path: path.to_owned(), why };
    let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    parse(&pem).map_err(|error| wrong(error.to_string()))
}
