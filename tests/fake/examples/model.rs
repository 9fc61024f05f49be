//! A scripted model to try an agent CLI against by hand: `cargo run -p takopi-fake --example model -- FOLDER`.
//!
//! It furnishes homes in the folder and prints the environment for a shell; `end` of input ends it.

#![expect(clippy::print_stdout, reason = "a console program talks on the console")]

use std::io;

use takopi_fake::homes::{Outside, furnish};
use takopi_fake::model::ModelServer;

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).ok_or_else(|| io::Error::other("name a folder for the homes"))?;
    let (model, outside) = (ModelServer::start()?, Outside::start()?);
    for (name, value) in furnish(folder.as_ref(), &model.url())?.into_iter().chain(outside.environment()) {
        println!("export {name}='{value}'");
    }
    println!("# A line shows what was asked, `release` lets held streams go on; the end of input ends it.");
    for line in io::stdin().lines() {
        if line? == "release" {
            model.release();
        }
        println!("{:#?}\nwanted outside: {:#?}", model.log(), outside.wanted());
    }
    Ok(())
}
