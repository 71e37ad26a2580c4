//! The store from outside: what it keeps, how much, and what becomes of it whatever happens to its disk.

mod bounds;
mod common;
mod crash;
mod damage;
mod disk;
mod layouts;
mod purge;
