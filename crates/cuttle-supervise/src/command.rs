//! What is added to a command line so that the app listens where we look.
//!
//! A standalone build reads `PORT` and `HOSTNAME`. `next start` reads `PORT`, and listens on every interface unless it is given
//! `-H` (seen with 16.4.6), as does `next dev`. What is neither is left as it is: an argument too many ends other programs.

use std::{ffi::OsString, path::Path};

/// Programs that are given another one to run, and words of theirs that may stand before it.
const RUNNERS: [&str; 7] = ["npx", "bunx", "pnpx", "pnpm", "yarn", "bun", "node"];
const RUNNER_WORDS: [&str; 3] = ["exec", "dlx", "x"];

/// The arguments to start the program with.
pub(crate) fn arguments(program: &Path, given: &[OsString], port: u16) -> Vec<OsString> {
    let mut arguments = given.to_vec();
    let Some(options) = next_options(program, given) else { return arguments };
    if !has(options, "-H", "--hostname") {
        arguments.extend(["-H".into(), "127.0.0.1".into()]);
    }
    if !has(options, "-p", "--port") {
        arguments.extend(["-p".into(), port.to_string().into()]);
    }
    arguments
}

/// What follows `next start` or `next dev`, if that is what is run.
fn next_options<'a>(program: &Path, given: &'a [OsString]) -> Option<&'a [OsString]> {
    let named = |path: &Path, name: &str| path.file_name().is_some_and(|file| file == name);
    let mut rest = given;
    if !named(program, "next") {
        if !RUNNERS.iter().any(|runner| named(program, runner)) {
            return None;
        }
        let before = given.iter().position(|word| {
            let flag = word.as_encoded_bytes().starts_with(b"-");
            !flag && !RUNNER_WORDS.iter().any(|known| word == known)
        })?;
        if !named(Path::new(&given[before]), "next") {
            return None;
        }
        rest = &given[before + 1..];
    }
    let start = rest.iter().position(|word| !word.as_encoded_bytes().starts_with(b"-"))?;
    ["start", "dev"].iter().any(|it| rest[start] == *it).then(|| &rest[start + 1..])
}

fn has(options: &[OsString], short: &str, long: &str) -> bool {
    options.iter().any(|option| {
        let text = option.to_string_lossy();
        let value = text.strip_prefix(long);
        text.starts_with(short) || value.is_some_and(|it| it.is_empty() || it.starts_with('='))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_is_told_where_to_listen_and_nothing_else_is() {
        const BOTH: &str = " -H 127.0.0.1 -p 4000";
        for (line, added) in [
            ("next start", BOTH),
            ("npx next start", BOTH),
            ("npx --no-install next start", BOTH),
            ("pnpm exec next start", BOTH),
            ("yarn next start", BOTH),
            ("node_modules/.bin/next start", BOTH),
            ("/srv/shop/node_modules/.bin/next start .", BOTH),
            ("node --max-old-space-size=512 node_modules/next/dist/bin/next start", BOTH),
            ("next start -p 3000", " -H 127.0.0.1"),
            ("next start -p3000", " -H 127.0.0.1"),
            ("next start --port=3000", " -H 127.0.0.1"),
            ("next start -H 0.0.0.0", " -p 4000"),
            ("npx next start --hostname 0.0.0.0 --port 1", ""),
            ("next start --keepAliveTimeout 70000", BOTH),
            ("next dev", BOTH),
            ("npx next dev --webpack", BOTH),
            ("next", ""),
            ("npx next build", ""),
            ("npx", ""),
            ("node server.js", ""),
            ("node server.js next start", ""),
            ("npm run start", ""),
            ("sh -c next\u{a0}start", ""),
            ("my-next start", ""),
        ] {
            let mut words = line.split(' ').map(OsString::from);
            let program = words.next().expect("a program");
            let given: Vec<_> = words.collect();
            let made = arguments(Path::new(&program), &given, 4000);
            let mut whole = vec![program];
            whole.extend(made);
            let whole: Vec<_> = whole.iter().map(|word| word.to_string_lossy()).collect();
            assert_eq!(whole.join(" "), format!("{line}{added}"));
        }
    }
}
