//! What a crash leaves behind: files without a row, rows without a file, files that were never finished.
//!
//! Nothing waits for it, and nothing is served wrong before it: it is there for the accounts.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use rusqlite::Connection;

use crate::disk::database::write;
use crate::disk::folder::{Folder, is_ours, name};
use crate::disk::rows;
use crate::{ContentKey, Trouble};

/// Makes the files of one folder and the rows of its contents agree.
pub(crate) fn sweep(index: &mut Connection, folder: &Folder, first: u8) -> Result<(), Trouble> {
    if Differences::find(index, folder, first)?.is_empty() {
        return Ok(());
    }
    // Seen without the lock: a writer may be between the file and its row.
    write(index, |index| {
        let found = Differences::find(index, folder, first)?;
        for stray in &found.strays {
            let _ = fs::remove_file(stray);
        }
        // What is left of one that many entries name, whoever asks for it next finds out.
        found
            .missing
            .iter()
            .try_for_each(|content| rows::remove_variant(index, folder, content).map(drop))
    })
}

struct Differences {
    strays: Vec<PathBuf>,
    missing: Vec<ContentKey>,
}

impl Differences {
    fn find(index: &Connection, folder: &Folder, first: u8) -> Result<Self, Trouble> {
        let (mut from, mut to) = ([0; 32], [0xff; 32]);
        (from[0], to[0]) = (first, first);
        let rows: Vec<ContentKey> = index
            .prepare_cached("SELECT content FROM variants WHERE content BETWEEN ?1 AND ?2")?
            .query_map([from, to], |row| Ok(ContentKey(row.get(0)?)))?
            .collect::<Result<_, _>>()?;
        let shelf = folder.shelf(first);
        let files: HashSet<String> = match fs::read_dir(&shelf) {
            Ok(files) => files
                .map(|file| Ok(file?.file_name().to_string_lossy().into_owned()))
                .collect::<io::Result<_>>()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HashSet::new(),
            Err(error) => return Err(error.into()),
        };
        let named: HashSet<String> = rows.iter().map(name).collect();
        let strays = files.difference(&named).filter(|file| is_ours(file));
        let strays = strays.map(|file| shelf.join(file)).collect();
        let missing = rows.into_iter().filter(|content| !files.contains(&name(content))).collect();
        Ok(Self { strays, missing })
    }

    fn is_empty(&self) -> bool {
        self.strays.is_empty() && self.missing.is_empty()
    }
}
