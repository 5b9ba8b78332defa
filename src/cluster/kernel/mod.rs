//! The only room with `unsafe`: kernels compiled for the instruction sets a CPU may have, chosen at run time.
#![allow(unsafe_code)]

pub(in crate::cluster) mod gauss;
