//! The program `statusync`.

fn main() -> std::process::ExitCode {
    statusync::cli::main()
}
