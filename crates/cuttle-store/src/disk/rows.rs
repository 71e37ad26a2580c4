//! What is asked of the index, and done to it, inside transactions of whoever calls.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::disk::folder::Folder;
use crate::purge::now_ms;
use crate::queue::Record;
use crate::{ContentKey, Epoch, Purge, Purged, RequestDigest, Scope, TierUsage, Trouble};

/// What the index has of a request.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) content: ContentKey,
    pub(crate) application: String,
    pub(crate) source: String,
    pub(crate) state: Vec<u8>,
}

/// An entry to be removed, and the variant that it names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Victim {
    pub(crate) entry: i64,
    pub(crate) variant: i64,
}

/// The row of a request, unless a purge matches it. `Err(Corrupt)` for one that is not what was written.
pub(crate) fn find(index: &Connection, request: &RequestDigest) -> Result<Option<Row>, Trouble> {
    let mut statement = index.prepare_cached(
        "SELECT v.content, a.name, e.source, e.state, e.seal FROM entries e
         JOIN variants v ON v.id = e.variant JOIN applications a ON a.id = e.application
         WHERE e.request = ?1 AND NOT EXISTS (
           SELECT 1 FROM purges p WHERE p.done = 0 AND p.id > e.epoch
           AND (p.application IS NULL OR p.application = a.name) AND (
             p.scope = 0 OR (p.scope = 1 AND p.text = e.source)
             OR (p.scope = 2 AND substr(e.source, 1, length(p.text)) = p.text)))",
    )?;
    let row = statement.query_row([request.0], |row| {
        let texts: [Vec<u8>; 3] = [row.get(1)?, row.get(2)?, row.get(3)?];
        Ok((ContentKey(row.get(0)?), texts, row.get::<_, [u8; 16]>(4)?))
    });
    let Some((content, [application, source, state], sealed)) = row.optional()? else {
        return Ok(None);
    };
    let corrupt = || Trouble::Corrupt("a row does not match its digest".into());
    if seal(request, &content, [&application, &source, &state]) != sealed {
        return Err(corrupt());
    }
    let text = |bytes| String::from_utf8(bytes).map_err(|_| corrupt());
    let (application, source) = (text(application)?, text(source)?);
    Ok(Some(Row { content, application, source, state }))
}

/// Lengths first, so that no two rows have the same text.
fn seal(request: &RequestDigest, content: &ContentKey, texts: [&[u8]; 3]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes());
    }
    hasher.update(&request.0).update(&content.0);
    for text in texts {
        hasher.update(text);
    }
    let mut seal = [0; 16];
    hasher.finalize_xof().fill(&mut seal);
    seal
}

/// Writes an entry and, if it is not there, its variant. The content of a file that was written, so that it can be removed if
/// the transaction fails.
pub(crate) fn record(
    index: &Connection,
    folder: &Folder,
    request: &RequestDigest,
    record: &Record,
) -> Result<Option<ContentKey>, Trouble> {
    let Record { content, state, application, source, variant, since } = record;
    let purges = purges_since(index, since.0)?;
    if purges.iter().any(|(_, purge)| purge.matches(application, source)) {
        return Ok(None);
    }
    let epoch: i64 = index
        .prepare_cached("SELECT coalesce(max(id), 0) FROM purges")?
        .query_row([], |row| row.get(0))?;
    let known: Option<i64> = index
        .prepare_cached("SELECT id FROM variants WHERE content = ?1")?
        .query_row([content.0], |row| row.get(0))
        .optional()?;
    let (id, written) = match known {
        Some(id) => (id, None),
        None => {
            let Some(bytes) = folder.write(content, variant)? else {
                forget(index, folder, request)?;
                return Ok(None);
            };
            let added = index
                .prepare_cached("INSERT INTO variants (content, bytes) VALUES (?1, ?2)")
                .and_then(|mut insert| insert.insert(params![content.0, bytes]));
            (added.inspect_err(|_| folder.remove(content))?, Some(*content))
        }
    };
    let (before, used) = (of_request(index, request)?, next_use(index)?);
    let texts = [application.as_bytes(), source.as_bytes(), state];
    let seal = seal(request, content, texts);
    let entry = of_application(index, application).and_then(|application| {
        let mut insert = index.prepare_cached(
            "INSERT INTO entries (request, variant, application, source, state, seal, epoch, used)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (request) DO UPDATE SET
             variant = excluded.variant, application = excluded.application,
             source = excluded.source, state = excluded.state,
             seal = excluded.seal, epoch = excluded.epoch, used = excluded.used",
        )?;
        let source = source.as_bytes();
        insert.execute(params![request.0, id, application, source, state, seal, epoch, used])
    });
    entry.inspect_err(|_| written.iter().for_each(|content| folder.remove(content)))?;
    if let Some(before) = before.filter(|before| before.variant != id) {
        remove_unnamed(index, folder, before.variant)?;
    }
    Ok(written)
}

/// The number of an application, which has one from its first entry on.
fn of_application(index: &Connection, id: &str) -> rusqlite::Result<i64> {
    let known = index
        .prepare_cached("SELECT id FROM applications WHERE name = ?1")?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?;
    match known {
        Some(number) => Ok(number),
        None => index
            .prepare_cached("INSERT INTO applications (name) VALUES (?1)")?
            .insert([id.as_bytes()]),
    }
}

/// When something is used that is used now: in milliseconds since 1970, and after everything that was used before, also after
/// the clock was set back. Else the newest would be the first to go until the clock has caught up.
pub(crate) fn next_use(index: &Connection) -> Result<i64, Trouble> {
    let last: i64 = index
        .prepare_cached("SELECT coalesce(max(used), 0) FROM entries")?
        .query_row([], |row| row.get(0))?;
    Ok(now_ms().max(last.saturating_add(1)))
}

/// Notes that requests were answered.
pub(crate) fn note_uses(
    index: &Connection,
    requests: impl IntoIterator<Item = RequestDigest>,
) -> Result<(), Trouble> {
    let used = next_use(index)?;
    let mut update = index.prepare_cached("UPDATE entries SET used = ?2 WHERE request = ?1")?;
    requests
        .into_iter()
        .try_for_each(|request| Ok(update.execute(params![request.0, used]).map(drop)?))
}

/// Forgets a request.
pub(crate) fn forget(
    index: &Connection,
    folder: &Folder,
    request: &RequestDigest,
) -> Result<(), Trouble> {
    of_request(index, request)?.map_or(Ok(()), |victim| remove(index, folder, &[victim]).map(drop))
}

fn of_request(index: &Connection, request: &RequestDigest) -> Result<Option<Victim>, Trouble> {
    let mut statement =
        index.prepare_cached("SELECT id, variant FROM entries WHERE request = ?1")?;
    Ok(statement.query_row([request.0], victim).optional()?)
}

pub(crate) fn victim(row: &rusqlite::Row<'_>) -> rusqlite::Result<Victim> {
    Ok(Victim { entry: row.get(0)?, variant: row.get(1)? })
}

/// Removes entries, and the variants that nothing else names with their files; what it came to.
pub(crate) fn remove(
    index: &Connection,
    folder: &Folder,
    victims: &[Victim],
) -> Result<TierUsage, Trouble> {
    let mut removed = TierUsage::default();
    for Victim { entry, variant } in victims {
        removed.entries +=
            index.prepare_cached("DELETE FROM entries WHERE id = ?1")?.execute([entry])? as u64;
        if let Some(bytes) = remove_unnamed(index, folder, *variant)? {
            (removed.variants, removed.bytes) = (removed.variants + 1, removed.bytes + bytes);
        }
    }
    Ok(removed)
}

fn remove_unnamed(
    index: &Connection,
    folder: &Folder,
    variant: i64,
) -> Result<Option<u64>, Trouble> {
    let mut statement = index.prepare_cached(
        "DELETE FROM variants WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM entries WHERE variant = ?1)
         RETURNING content, bytes",
    )?;
    let gone = statement.query_row([variant], |row| Ok((ContentKey(row.get(0)?), row.get(1)?)));
    let Some((content, bytes)) = gone.optional()? else { return Ok(None) };
    folder.remove(&content);
    Ok(Some(bytes))
}

/// Removes a variant whose file is of no use, with everything that names it, as far as one transaction goes; whether that is all.
pub(crate) fn remove_variant(
    index: &Connection,
    folder: &Folder,
    content: &ContentKey,
) -> Result<bool, Trouble> {
    folder.remove(content);
    let victims: Vec<Victim> = index
        .prepare_cached(
            "SELECT e.id, e.variant FROM entries e JOIN variants v ON v.id = e.variant WHERE v.content = ?1 LIMIT ?2",
        )?
        .query_map(params![content.0, AT_A_TIME], victim)?
        .collect::<Result<_, _>>()?;
    remove(index, folder, &victims)?;
    let all = victims.len() < AT_A_TIME as usize;
    if all {
        index.prepare_cached("DELETE FROM variants WHERE content = ?1")?.execute([content.0])?;
    }
    Ok(all)
}

/// All but the bytes of the index itself.
pub(crate) fn totals(index: &Connection) -> Result<TierUsage, Trouble> {
    let mut statement = index.prepare_cached("SELECT variants, bytes, entries FROM totals")?;
    Ok(statement.query_row([], |row| {
        let (variants, bytes, entries) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(TierUsage { variants, bytes, entries, ..TierUsage::default() })
    })?)
}

/// Purges with a number over `since`. Those that are no longer listed may have matched anything.
pub(crate) fn purges_since(index: &Connection, since: i64) -> Result<Vec<(i64, Purge)>, Trouble> {
    let forgotten: i64 =
        index.prepare_cached("SELECT forgotten FROM totals")?.query_row([], |row| row.get(0))?;
    let mut since_then = purges(
        index,
        "SELECT id, scope, text, application FROM purges WHERE id > ?1 ORDER BY id",
        since,
    )?;
    if since < forgotten {
        since_then.insert(0, (forgotten, Purge::EVERYTHING));
    }
    Ok(since_then)
}

/// The last purge of another version that was entered here.
pub(crate) fn heard(index: &Connection) -> Result<i64, Trouble> {
    Ok(index.prepare_cached("SELECT heard FROM totals")?.query_row([], |row| row.get(0))?)
}

/// Sets it.
pub(crate) fn set_heard(index: &Connection, number: i64) -> Result<(), Trouble> {
    index.execute("UPDATE totals SET heard = ?1", [number])?;
    Ok(())
}

/// Purges up to `until` that are not done.
pub(crate) fn open_purges(index: &Connection, until: i64) -> Result<Vec<(i64, Purge)>, Trouble> {
    purges(
        index,
        "SELECT id, scope, text, application FROM purges WHERE done = 0 AND id <= ?1 ORDER BY id",
        until,
    )
}

fn purges(index: &Connection, question: &str, number: i64) -> Result<Vec<(i64, Purge)>, Trouble> {
    let mut statement = index.prepare_cached(question)?;
    let rows = statement.query_map([number], |row| {
        let text = |bytes: Vec<u8>| -> Box<str> { String::from_utf8_lossy(&bytes).into() };
        let scope = match row.get(1)? {
            1 => Scope::Source(text(row.get(2)?)),
            2 => Scope::Prefix(text(row.get(2)?)),
            // Whatever else it may be: rather too much.
            _ => Scope::All,
        };
        let application = row.get::<_, Option<Vec<u8>>>(3)?.map(text);
        Ok((row.get(0)?, Purge { application, scope }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// For how long jobs and processes may not have heard of a purge.
const REMEMBERED_MS: i64 = 60 * 60 * 1000;

/// Enters a purge, with a number over every other and over `last`.
pub(crate) fn enter_purge(
    index: &Connection,
    purge: &Purge,
    last: Epoch,
) -> Result<Epoch, Trouble> {
    let (scope, text) = match &purge.scope {
        Scope::All => (0, ""),
        Scope::Source(text) => (1, &**text),
        Scope::Prefix(text) => (2, &**text),
    };
    let application = purge.application.as_ref().map(|id| id.as_bytes());
    let now = now_ms();
    let least = now.max(last.0 + 1);
    let number: i64 = index.query_row(
        "INSERT INTO purges SELECT max(?1, coalesce(max(id), 0) + 1), ?2, ?3, ?4, 0 FROM purges RETURNING id",
        params![least, scope, text.as_bytes(), application],
        |row| row.get(0),
    )?;
    // Never the last one: numbers grow from it.
    let before = number.min(now - REMEMBERED_MS);
    index.execute(
        "UPDATE totals SET forgotten = max(forgotten,
           (SELECT coalesce(max(id), 0) FROM purges WHERE done = 1 AND id < ?1))",
        [before],
    )?;
    index.execute("DELETE FROM purges WHERE done = 1 AND id < ?1", [before])?;
    Ok(Epoch(number))
}

/// Entries that are deleted in one transaction: others wait for it, and the log of the index holds all of it.
const AT_A_TIME: u32 = 128;

/// Deletes some of the entries that a purge matches, and the variants that nothing else names with their files; what it came to.
pub(crate) fn erase(
    index: &Connection,
    folder: &Folder,
    (number, purge): (i64, &Purge),
) -> Result<Purged, Trouble> {
    let range = match &purge.scope {
        Scope::All => None,
        // Up to the next text after it.
        Scope::Source(text) => Some((text.as_bytes(), [text.as_bytes(), &[0]].concat())),
        Scope::Prefix(text) => after(text.as_bytes()).map(|to| (text.as_bytes(), to)),
    };
    let variant = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let (mut erased, mut named) = (Purged::default(), BTreeSet::new());
    for (application, id) in applications(index, purge)? {
        let limit = u64::from(AT_A_TIME) - erased.requests;
        let variants: Vec<i64> = match &range {
            Some((from, to)) => index
                .prepare_cached(
                    "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE application = ?1
                       AND substr(source, 1, 128) BETWEEN substr(?4, 1, 128) AND substr(?5, 1, 128)
                       AND source >= ?4 AND source < ?5 AND epoch < ?2 LIMIT ?3) RETURNING variant",
                )?
                .query_map(params![application, number, limit, from, to], variant)?
                .collect::<Result<_, _>>()?,
            None => index
                .prepare_cached(
                    "DELETE FROM entries WHERE id IN (SELECT id FROM entries
                       WHERE application = ?1 AND epoch < ?2 LIMIT ?3) RETURNING variant",
                )?
                .query_map(params![application, number, limit], variant)?
                .collect::<Result<_, _>>()?,
        };
        if !variants.is_empty() {
            erased.requests += variants.len() as u64;
            erased.applications.insert(id, variants.len() as u64);
        }
        named.extend(variants);
    }
    for variant in named {
        if let Some(bytes) = remove_unnamed(index, folder, variant)? {
            (erased.variants, erased.bytes) = (erased.variants + 1, erased.bytes + bytes);
        }
    }
    Ok(erased)
}

/// The applications that a purge is about, by number and id.
fn applications(index: &Connection, purge: &Purge) -> Result<Vec<(i64, Box<str>)>, Trouble> {
    let mut statement = index.prepare_cached("SELECT id, name FROM applications")?;
    let rows = statement.query_map([], |row| {
        let name: Vec<u8> = row.get(1)?;
        Ok((row.get(0)?, Box::from(String::from_utf8_lossy(&name))))
    })?;
    let mut known: Vec<(i64, Box<str>)> = rows.collect::<Result<_, _>>()?;
    known.retain(|(_, id)| purge.application.as_ref().is_none_or(|only| only == id));
    Ok(known)
}

/// The least text over all that begin with `prefix`; nothing for the empty one. UTF-8 has no byte 0xff.
fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let (last, rest) = prefix.split_last()?;
    Some([rest, &[last + 1]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purges_that_are_no_longer_listed_are_heard_as_all() {
        let index = Connection::open_in_memory().expect("memory");
        index.execute_batch(include_str!("schema.sql")).expect("our own tables");
        index
            .execute_batch(
                "INSERT INTO purges VALUES (5, 1, x'61', NULL, 1), (6, 1, x'62', NULL, 0)",
            )
            .expect("old ones, of which one is under way");
        assert_eq!(purges_since(&index, 0).expect("listed").len(), 2);
        let purge = Purge { application: Some("shop".into()), scope: Scope::Source("c".into()) };
        let now = enter_purge(&index, &purge, Epoch(0)).expect("a third");
        let recent = [(6, Scope::Source("b".into()).into()), (now.0, purge)];
        assert_eq!(purges_since(&index, 5).expect("listed"), recent);
        let all = [&[(5, Purge::EVERYTHING)], &recent[..]].concat();
        assert_eq!(purges_since(&index, 4).expect("listed"), all);
    }

    #[test]
    fn what_is_used_now_is_used_last() {
        let index = Connection::open_in_memory().expect("memory");
        index.execute_batch(include_str!("schema.sql")).expect("our own tables");
        let now = now_ms();
        let used = next_use(&index).expect("nothing was used");
        assert!(used >= now);
        let insert = "INSERT INTO entries VALUES (1, x'', 1, 1, x'', x'', x'', 0, ?1)";
        index.execute(insert, [i64::MAX / 2]).expect("a row");
        assert_eq!(next_use(&index).expect("something was used"), i64::MAX / 2 + 1);
    }
}
