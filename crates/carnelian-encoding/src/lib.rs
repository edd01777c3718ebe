//! Byte-exact building blocks shared by the engine and the RDB format: listpack, intset, and numbers as text.
