//! Data encryption: a key from a passphrase (Argon2id), then a cipher that notices every change (XChaCha20-Poly1305).
//!
//! A sealed body, all of it but the text as it is and the whole head under the cipher's tag:
//!
//! | bytes | |
//! |---|---|
//! | 7 | `waitlab` |
//! | 1 | the version, 1: which ciphers, and what the key costs |
//! | 16 | salt of the key |
//! | 24 | nonce of the cipher |
//! | as many as the text | the text, encrypted |
//! | 16 | tag |
//!
//! What the key costs is the version's and not the body's to say: a body could ask for gigabytes.

use std::num::NonZeroUsize;
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::thread::available_parallelism;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305};

use crate::{Failed, step};

const MAGIC: &[u8; 8] = b"waitlab\x01";
const SALT: usize = 16;
const NONCE: usize = 24;
const TAG: usize = 16;
const HEAD: usize = MAGIC.len() + SALT + NONCE;

/// What a key costs, as OWASP's cheat sheet on password storage has it: 19 MiB, two passes, one lane.
///
/// The memory is the point, since who guesses would need it too; so whoever calls bounds how many do at once.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What makes two sealed bodies of one text differ. Never use one twice.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    salt: [u8; SALT],
    nonce: [u8; NONCE],
}

impl Fresh {
    /// From the operating system.
    ///
    /// # Panics
    ///
    /// When that has no random numbers, without which nothing can be sealed.
    pub fn draw() -> Self {
        let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
        getrandom::fill(&mut salt).expect("Linux has random numbers from its start on");
        getrandom::fill(&mut nonce).expect("Linux has random numbers from its start on");
        Self { salt, nonce }
    }
}

/// The text, sealed. `go_on` is asked between making the key and encrypting.
///
/// # Errors
///
/// When `go_on` said no.
pub fn seal(
    text: &[u8],
    passphrase: &str,
    fresh: Fresh,
    go_on: impl Fn() -> bool,
) -> Result<Vec<u8>, Failed> {
    let mut sealed = Vec::with_capacity(HEAD + text.len() + TAG);
    sealed.extend_from_slice(MAGIC);
    sealed.extend_from_slice(&fresh.salt);
    sealed.extend_from_slice(&fresh.nonce);
    sealed.extend_from_slice(text);
    let cipher = cipher(passphrase, &fresh.salt);
    step(&go_on)?;
    let (head, text) = sealed.split_at_mut(HEAD);
    let tag = cipher
        .encrypt_inout_detached(&fresh.nonce.into(), head, text.into())
        .expect("a text in memory is shorter than the 256 GB of the cipher");
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// The text that was sealed. `go_on` is asked between making the key and decrypting.
///
/// # Errors
///
/// When these are no sealed bytes, or not as they were sealed, or not with this passphrase; or `go_on` said no.
pub fn open(sealed: &[u8], passphrase: &str, go_on: impl Fn() -> bool) -> Result<Vec<u8>, Failed> {
    let body = sealed.strip_prefix(MAGIC).ok_or(Failed::NotSealed)?;
    let (salt, body) = body.split_first_chunk::<SALT>().ok_or(Failed::NotSealed)?;
    let (nonce, body) = body.split_first_chunk::<NONCE>().ok_or(Failed::NotSealed)?;
    let (text, tag) = body.split_last_chunk::<TAG>().ok_or(Failed::NotSealed)?;
    let cipher = cipher(passphrase, salt);
    step(&go_on)?;
    let mut text = text.to_vec();
    cipher
        .decrypt_inout_detached(
            &(*nonce).into(),
            &sealed[..HEAD],
            text.as_mut_slice().into(),
            &Tag::from(*tag),
        )
        .map_err(|_| Failed::Unopened)?;
    Ok(text)
}

/// Takes tens of milliseconds, and cannot be stopped.
fn cipher(passphrase: &str, salt: &[u8; SALT]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&key(&STOCK, passphrase, salt).into())
}

fn key(stock: &Stock, passphrase: &str, salt: &[u8; SALT]) -> [u8; 32] {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("these are within Argon2's bounds");
    let mut memory = stock.take(params.block_count());
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase.as_bytes(), salt, &mut key, &mut memory)
        .expect("salt, key and memory have lengths that Argon2 takes");
    stock.give_back(memory);
    key
}

/// Memory for keys, kept to be used again.
///
/// An allocator keeps what is freed for the thread that freed it. With a thread a connection that comes to 19 MiB for every
/// client who ever sealed, however few may do so at once.
struct Stock {
    /// One more is freed.
    most: usize,
    kept: Mutex<Vec<Vec<Block>>>,
}

/// For as many as there are cores, on which no more run at a time. `--cpu-threads`, or a worker's `--jobs`, may let more begin;
/// theirs is freed.
static STOCK: LazyLock<Stock> =
    LazyLock::new(|| Stock::new(available_parallelism().map_or(1, NonZeroUsize::get)));

impl Stock {
    const fn new(most: usize) -> Self {
        Self { most, kept: Mutex::new(Vec::new()) }
    }

    /// As an earlier key has left it, or new. Argon2 writes each block before it reads it.
    fn take(&self, blocks: usize) -> Vec<Block> {
        let kept = self.kept().pop();
        kept.unwrap_or_else(|| vec![Block::new(); blocks])
    }

    fn give_back(&self, memory: Vec<Block>) {
        let mut kept = self.kept();
        if kept.len() < self.most {
            kept.push(memory);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.kept.lock().expect("no code panics while it holds the lock")
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const PHRASE: &str = "correct horse battery staple";

    fn sealed(text: &[u8]) -> Vec<u8> {
        seal(text, PHRASE, Fresh::draw(), || true).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_with_its_passphrase_and_no_other() {
        for text in [&b""[..], b"hello", &[7; 100_000]] {
            let sealed = sealed(text);
            assert_eq!(sealed.len(), text.len() + HEAD + TAG);
            assert_eq!(open(&sealed, PHRASE, || true).as_deref(), Ok(text));
            assert_eq!(open(&sealed, "another passphrase", || true), Err(Failed::Unopened));
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_to_the_same_bytes() {
        assert_ne!(sealed(b"hello"), sealed(b"hello"));
    }

    #[test]
    fn every_change_is_noticed_and_no_length_is_a_panic() {
        let sealed = sealed(b"hello");
        for at in [8, 20, 24, 40, 48, 50, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&changed, PHRASE, || true), Err(Failed::Unopened), "byte {at}");
        }
        for at in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&changed, PHRASE, || true), Err(Failed::NotSealed), "byte {at}");
        }
        for length in 0..HEAD + TAG {
            assert_eq!(
                open(&sealed[..length], PHRASE, || true),
                Err(Failed::NotSealed),
                "{length}"
            );
        }
        assert_eq!(open(&sealed[..sealed.len() - 1], PHRASE, || true), Err(Failed::Unopened));
    }

    #[test]
    fn memory_is_used_again_and_what_an_earlier_key_left_there_changes_no_key() {
        let stock = Stock::new(2);
        let first = key(&stock, PHRASE, &[1; SALT]);
        let kept = || stock.kept().iter().map(|memory| memory.as_ptr()).collect::<Vec<_>>();
        let memory = kept();
        assert_eq!(memory.len(), 1);
        assert_ne!(key(&stock, "another passphrase", &[2; SALT]), first);
        assert_eq!(key(&stock, PHRASE, &[1; SALT]), first);
        assert_eq!(kept(), memory, "not the one that was there");
        let one = || thread::spawn(|| key(&STOCK, PHRASE, &[1; SALT]));
        let at_once = [one(), one(), one()].map(|one| one.join().unwrap());
        assert_eq!(at_once, [first; 3]);
    }

    #[test]
    fn no_more_memory_is_kept_than_may_be() {
        let stock = Stock::new(2);
        let taken: Vec<_> = (0..4).map(|_| stock.take(1)).collect();
        for memory in taken {
            stock.give_back(memory);
        }
        assert_eq!(stock.kept().len(), 2);
    }

    #[test]
    fn it_stops_between_two_steps_when_told_to() {
        assert_eq!(seal(b"hello", PHRASE, Fresh::draw(), || false), Err(Failed::Stopped));
        assert_eq!(open(&sealed(b"hello"), PHRASE, || false), Err(Failed::Stopped));
    }
}
