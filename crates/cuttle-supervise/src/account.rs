//! Whom an app runs as: never root.
//!
//! An app has everything that its user has, and whoever breaks into it too. Accounts are read from `/etc/passwd`, as asking the
//! system's other sources (LDAP and the like) needs its C library; those are named by number.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

const ACCOUNTS: &str = "/etc/passwd";

/// Why there is no user to run an app as.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// The folder's owner would be it.
    #[error(
        "{} belongs to root, and an app is never run as root: give the folder to a user of its own (chown -R), or name one with `user`",
        .0.display()
    )]
    RootsFolder(PathBuf),
    /// The folder cannot be looked at.
    #[error("cannot see whose folder {} is: {error}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Somebody wrote root.
    #[error("an app is never run as root: name another user")]
    Root,
    /// There is no such account.
    #[error(
        "there is no user `{0}` in /etc/passwd: create it, or write its numbers, such as 1000:1000"
    )]
    Unknown(String),
}

/// An account of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    gid: u32,
    pub(crate) home: PathBuf,
}

/// The user and group to run an app of this folder as, or `None` for our own, which is all that can be had without root.
///
/// # Errors
/// We are root, and the folder belongs to root or cannot be looked at.
pub fn user_for(folder: &Path, we_are_root: bool) -> Result<Option<(u32, u32)>, UserError> {
    if !we_are_root {
        return Ok(None);
    }
    let found = fs::metadata(folder);
    let found = found.map_err(|error| UserError::Folder { folder: folder.into(), error })?;
    owner(folder, (found.uid(), found.gid()), account(found.uid())).map(Some)
}

fn owner(
    folder: &Path,
    (uid, gid): (u32, u32),
    account: Option<Account>,
) -> Result<(u32, u32), UserError> {
    if uid == 0 {
        return Err(UserError::RootsFolder(folder.to_owned()));
    }
    // The group of a folder is often one to share it with, such as that of a web server: the account's own is asked first. SECURITY:
    // root's group may read what is root's alone on many systems.
    let gid = account.map_or(gid, |account| account.gid);
    Ok((uid, if gid == 0 { uid } else { gid }))
}

/// The user and group of a name, or of numbers as in `1000` and `1000:1000`.
///
/// # Errors
/// It is root, or unknown.
pub fn user_named(name: &str) -> Result<(u32, u32), UserError> {
    named(name, &fs::read_to_string(ACCOUNTS).unwrap_or_default())
}

fn named(name: &str, accounts: &str) -> Result<(u32, u32), UserError> {
    let numbers = name.split_once(':').unwrap_or((name, name));
    let listed = read(accounts).find(|account| account.name == name);
    let found = match (listed, numbers.0.parse(), numbers.1.parse()) {
        (Some(account), ..) => Some((account.uid, account.gid)),
        (None, Ok(uid), Ok(gid)) => Some((uid, gid)),
        _ => None,
    };
    match found {
        None => Err(UserError::Unknown(name.to_owned())),
        Some((0, _)) => Err(UserError::Root),
        Some(found) => Ok(found),
    }
}

/// What a user is called and where it is at home: as it is listed, else by its number, and in the app's folder.
pub(crate) fn of((uid, gid): (u32, u32), folder: &Path) -> Account {
    let unlisted = || Account { name: uid.to_string(), uid, gid, home: folder.to_owned() };
    account(uid).unwrap_or_else(unlisted)
}

fn account(uid: u32) -> Option<Account> {
    let accounts = fs::read_to_string(ACCOUNTS).unwrap_or_default();
    read(&accounts).find(|account| account.uid == uid)
}

fn read(accounts: &str) -> impl Iterator<Item = Account> {
    accounts.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Account { name, uid, gid, home: fields.nth(1)?.into() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "root:x:0:0:root:/root:/bin/sh\nshop:x:1001:1002:A shop:/srv/shop:/bin/sh\n\n+::::::\nbroken:x:a:1\n";

    #[test]
    fn names_and_numbers_are_users_and_root_is_none() {
        assert_eq!(named("shop", TEXT).expect("listed"), (1001, 1002));
        assert_eq!(named("7", TEXT).expect("a number"), (7, 7));
        assert_eq!(named("7:8", TEXT).expect("two numbers"), (7, 8));
        for root in ["root", "0", "0:7"] {
            assert!(matches!(named(root, TEXT), Err(UserError::Root)), "{root}");
        }
        for unknown in ["", "nobody-here", "broken", "7:", ":7", "7:8:9", "-1", "+"] {
            assert!(matches!(named(unknown, TEXT), Err(UserError::Unknown(_))), "{unknown}");
        }
        assert_eq!(read(TEXT).nth(1).expect("two").home, Path::new("/srv/shop"));
    }

    #[test]
    fn a_folder_names_its_owner_and_never_root() {
        let folder = Path::new("/srv/shop");
        let shop = read(TEXT).nth(1);
        assert_eq!(owner(folder, (1001, 33), shop).expect("an owner"), (1001, 1002));
        assert_eq!(owner(folder, (1001, 33), None).expect("an owner"), (1001, 33));
        assert_eq!(owner(folder, (1001, 0), None).expect("an owner"), (1001, 1001));
        let refused = owner(folder, (0, 33), None).expect_err("root").to_string();
        assert!(refused.contains("/srv/shop") && refused.contains("chown"), "{refused}");
    }

    #[test]
    fn without_root_it_is_our_own_user() {
        assert_eq!(user_for(Path::new("/nowhere"), false).expect("no question"), None);
        assert!(matches!(user_for(Path::new("/nowhere"), true), Err(UserError::Folder { .. })));
        assert!(matches!(user_for(Path::new("/"), true), Err(UserError::RootsFolder(_))));
    }
}
