//! No file, no TCP port, no abstract socket, no signal to anyone outside: refused by object, so that a
//! system call that slips through the filter still reaches nothing.

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetError, RulesetStatus, Scope,
};

use crate::{Layer, LayerName};

/// The first version that confines files, TCP, abstract sockets and signals. Later ones add device
/// control and logging; a worker has no device, so only what is older counts as incomplete.
const COMPLETE: ABI = ABI::V6;

pub(super) fn restrict() -> Layer {
    let (active, detail) = match enforce() {
        Ok(status) => describe(&status),
        Err(error) => (false, error.to_string()),
    };
    Layer { name: LayerName::Landlock, active, detail }
}

/// Handles every right and allows none; what the kernel does not know is left out, and reported.
fn enforce() -> Result<RestrictionStatus, RulesetError> {
    Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V9))?
        .handle_access(AccessNet::from_all(ABI::V9))?
        .scope(Scope::from_all(ABI::V9))?
        .create()?
        .restrict_self()
}

fn describe(status: &RestrictionStatus) -> (bool, String) {
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi,
        LandlockStatus::NotEnabled => return (false, "off in this kernel".to_owned()),
        LandlockStatus::NotImplemented => return (false, "not in this kernel".to_owned()),
    };
    if status.ruleset == RulesetStatus::NotEnforced {
        return (false, "not enforced".to_owned());
    }
    let version = abi as i32;
    if abi < COMPLETE {
        return (false, format!("ABI {version} knows too little; {} is needed", COMPLETE as i32));
    }
    (true, format!("ABI {version}"))
}
