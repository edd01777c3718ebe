//! Values while they are being changed.

use crate::db::{Db, Due, Spot};
use crate::entry::{Payload, fits_slot};
use crate::objects::Object;
use std::ops::{Deref, DerefMut};

/// The key holds a value of another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

impl std::fmt::Display for WrongType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the key holds a value of another type")
    }
}

impl std::error::Error for WrongType {}

/// A collection that is being changed in place.
pub struct Edit<'k, T>(&'k mut T);

impl<'k, T> Edit<'k, T> {
    pub(super) fn new(collection: &'k mut T) -> Self {
        Self(collection)
    }
}

impl<T> Deref for Edit<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}

impl<T> DerefMut for Edit<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0
    }
}

/// The bytes of a string that is being edited. They are back in their entry when this is dropped.
pub struct TextEdit<'k> {
    db: &'k mut Db,
    spot: &'k mut Spot,
    bytes: Vec<u8>,
    now_ms: u64,
}

impl<'k> TextEdit<'k> {
    pub(super) fn new(db: &'k mut Db, spot: &'k mut Spot, now_ms: u64) -> Self {
        let bytes = match db.object_mut(*spot) {
            Some(Object::Text(text)) => std::mem::take(text),
            _ => match db.entry(*spot).value() {
                crate::value::ValueRef::String(string) => string.get().to_vec(),
                _ => Vec::new(),
            },
        };
        Self { db, spot, bytes, now_ms }
    }
}

impl Deref for TextEdit<'_> {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for TextEdit<'_> {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for TextEdit<'_> {
    fn drop(&mut self) {
        let entry = self.db.entry(*self.spot);
        let (key, expire_ms, clock) = (entry.key().len(), entry.expire_ms(), entry.header.clock());
        if !fits_slot(key, self.bytes.len())
            && let Some(Object::Text(text)) = self.db.object_mut(*self.spot)
        {
            *text = std::mem::take(&mut self.bytes);
            return;
        }
        let payload = Payload::of_edited(key, &mut self.bytes);
        self.db.overwrite(self.spot, payload, Due { expire_ms, now_ms: self.now_ms }, clock);
    }
}
