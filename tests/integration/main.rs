//! Tests of the whole: one program, so that there is one thing to link.

mod architecture;
mod cli;
mod requirements;
