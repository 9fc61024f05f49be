//! The Discord transport: one bot, its servers, channels and threads.
