//! Tests that measure memory and time, or need all of the machine. Each has it for itself (`cuttle_e2e::binary`), as its limits
//! are about the server and not about what runs beside it: shared pages of another server would lower a proportional set size,
//! and another's render would lengthen an answer.

mod bombs;
mod caches;
mod connections;
mod hanging;
mod hostile;
mod memory;
mod overload;
mod probes;
