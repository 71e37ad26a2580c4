//! How much of the work under way is whose, so that no one client has all of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cuttle_contract::Client;

/// Jobs under way, by the client that each was begun for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clients(Arc<Mutex<HashMap<Client, usize>>>);

/// One job of a client, counted for as long as it lives.
#[derive(Debug)]
pub(crate) struct Counted {
    clients: Clients,
    client: Client,
}

impl Clients {
    /// One more of this client, unless it has `most` already. Clients that we cannot tell apart are not held against each
    /// other.
    pub(crate) fn one_more(&self, client: Client, most: usize) -> Option<Counted> {
        let mut jobs = self.jobs();
        let count = jobs.entry(client).or_default();
        if client.is_known() && *count >= most {
            return None;
        }
        *count += 1;
        drop(jobs);
        Some(Counted { clients: self.clone(), client })
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<Client, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut jobs = self.clients.jobs();
        if let Entry::Occupied(mut count) = jobs.entry(self.client) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_client_has_its_own_share() {
        let clients = Clients::default();
        let (ann, bob) = (Client::at([10, 0, 0, 1].into()), Client::at([10, 0, 0, 2].into()));
        let first = clients.one_more(ann, 2);
        let second = clients.one_more(ann, 2);
        assert!(first.is_some() && second.is_some() && clients.one_more(ann, 2).is_none());
        assert!(clients.one_more(bob, 2).is_some());
        let unknown: Vec<_> = (0..9).map(|_| clients.one_more(Client::unknown(), 2)).collect();
        assert!(unknown.iter().all(Option::is_some));
        drop(first);
        assert!(clients.one_more(ann, 2).is_some());
        drop((second, unknown));
        assert!(clients.jobs().is_empty());
    }
}
