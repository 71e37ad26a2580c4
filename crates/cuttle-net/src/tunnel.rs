//! What follows a `101`: bytes of a protocol that is none of our business.

use std::io;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

/// Copies both ways until both sides are done; when one has nothing more to say the other is told, and may still answer.
/// 8 KiB each way, and who does not read stops who writes.
pub async fn join(client: OnUpgrade, app: OnUpgrade) -> io::Result<()> {
    let (client, app) = tokio::try_join!(client, app).map_err(io::Error::other)?;
    copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(app)).await.map(|_bytes| ())
}
