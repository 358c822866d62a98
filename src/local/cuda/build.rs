//! Compiles the kernels of the CUDA pass, where it is built.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-changed=src/local/cuda/build.rs");
    if env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return Ok(());
    }
    println!("cargo::rerun-if-changed=src/local/cuda/kernels.cu");
    println!("cargo::rerun-if-env-changed=CUDA_COMPUTE_CAP");
    let home = ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT"].iter().find_map(env::var_os).map(PathBuf::from);
    let compiler = home.map_or_else(|| PathBuf::from("nvcc"), |home| home.join("bin/nvcc"));
    let capability = capability();
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("kernels.fatbin");
    // Machine code for the processor at hand, and the code that later ones compile when the program starts.
    let targets = format!("arch=compute_{capability},code=[sm_{capability},compute_{capability}]");
    let status = Command::new(&compiler)
        .args(["-fatbin", "-O3", "-std=c++17", "-gencode", &targets, "-o"])
        .arg(&out)
        .arg("src/local/cuda/kernels.cu")
        .status();
    let compiler = compiler.display();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{compiler}` cannot compile src/local/cuda/kernels.cu: {status}")),
        Err(error) => Err(format!(
            "`{compiler}` cannot be started: {error}. The feature `cuda` needs CUDA's compiler: set `CUDA_HOME` or put it on `PATH`"
        )),
    }
}

/// The generation of the graphics processor: as candle's kernels are told, or as the driver says.
fn capability() -> String {
    let said = env::var("CUDA_COMPUTE_CAP").ok().or_else(|| {
        let asked =
            Command::new("nvidia-smi").args(["--query-gpu=compute_cap", "--format=csv,noheader"]).output();
        let text = String::from_utf8(asked.ok()?.stdout).ok()?;
        text.lines().next().map(|line| line.trim().replace('.', ""))
    });
    said.filter(|said| !said.is_empty()).unwrap_or_else(|| "80".into())
}
