//! Any file with variables for an app: no panic, a mistake has its line, and names are names.
#![no_main]

use cuttle_supervise::parse_env_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match parse_env_file(text) {
    Ok(variables) => {
        for (name, value) in variables {
            assert!(!name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0'), "{name:?} {value:?}");
        }
    }
    Err(error) => assert!(!error.to_string().is_empty()),
});
