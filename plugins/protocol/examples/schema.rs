//! Prints the protocol's JSON schema: `cargo run -p takopi-plugin-protocol --features schema --example schema`.

#![expect(clippy::print_stdout, reason = "printing is all it does")]

fn main() {
    println!("{:#}", takopi_plugin_protocol::schema::schema());
}
