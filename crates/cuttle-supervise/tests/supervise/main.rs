//! Drives real apps. A guardian is the running binary re-executed, so this one has a `main` of its own.

mod app;
mod around;
mod ending;
mod init;
mod log;
mod starting;

use std::{env, process::ExitCode};

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    match env::args().nth(1).as_deref() {
        Some(cuttle_supervise::GUARDIAN_ARGUMENT) => cuttle_supervise::guardian_main(),
        Some(ending::SERVER) => ending::server(),
        Some(init::INIT) => init::init(),
        _ => {
            log::collect();
            let trials = [starting::trials(), ending::trials(), around::trials(), init::trials()];
            libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect())
                .exit_code()
        }
    }
}

/// Makes a list of tests out of asynchronous functions.
macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
            vec![$(libtest_mimic::Trial::test(stringify!($name), || {
                tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()?
                    .block_on($name());
                Ok(())
            })),*]
        }
    };
}
pub(crate) use trials;
