//! The local stack as one process: it starts the emulator, deploys the template into it, adds what the emulator lacks, shows
//! that a call works, and stops everything when it is told to or when a part dies.

mod background;
mod console;
mod environment;
mod error;
mod example;
mod first_call;
mod lock;
mod ports;
mod settings;
mod tool;
mod wiring;

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

pub use self::background::{BackgroundError, down, up};
pub use self::error::{SupervisorError, explain};
pub use self::settings::Settings;

use self::console::{Console, print};
use self::environment::Environment;
use self::example::Example;
use self::first_call::FirstAnswer;
use self::lock::Lock;
use self::ports::Ports;
use self::settings::emulator_script;
use self::wiring::Functions;
use crate::emulator::{Emulator, EmulatorSpec};
use crate::front_door::FrontDoor;
use crate::stack::Stack;
use crate::standin::Standin;

/// What runs, so that it can be stopped from wherever the start has got to.
#[derive(Default)]
struct Running {
    emulator: Option<Emulator>,
    functions: Functions,
    parts: JoinSet<SupervisorError>,
}

/// Runs the stack until a signal (which is no error) or until a part dies.
pub async fn run(settings: &Settings) -> Result<(), SupervisorError> {
    create_dir(&settings.state_dir)?;
    let _lock = Lock::take(&settings.lock_file())?;
    start_logs(settings)?;
    let mut running = Running::default();
    let outcome = tokio::select! {
        stopped = wait_for_stop() => stopped.map_err(SupervisorError::Signals),
        error = start_and_watch(settings, &mut running) => Err(error),
    };
    print("stopping");
    running.stop().await;
    if let Some(ready_file) = &settings.ready_file {
        // It is there only if the stack was ready.
        drop(fs::remove_file(ready_file));
    }
    outcome
}

fn create_dir(path: &Path) -> Result<(), SupervisorError> {
    fs::create_dir_all(path).map_err(|source| SupervisorError::file(path, source))
}

/// Begins the logs of this run: functions append to theirs.
fn start_logs(settings: &Settings) -> Result<(), SupervisorError> {
    let own = settings.log_file("tollgate-local");
    let folder = own.parent().unwrap_or(&settings.state_dir);
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(SupervisorError::file(folder, error));
        }
        _ => create_dir(folder)?,
    }
    let file = File::create(&own).map_err(|source| SupervisorError::file(&own, source))?;
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(Arc::new(file));
    subscriber.try_init().map_err(SupervisorError::Logs)
}

async fn wait_for_stop() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

async fn start_and_watch(settings: &Settings, running: &mut Running) -> SupervisorError {
    match running.start(settings).await {
        Ok(()) => running.watch().await,
        Err(error) => error,
    }
}

impl Running {
    async fn start(&mut self, settings: &Settings) -> Result<(), SupervisorError> {
        let console = Console::new();
        let ports = Ports::take(settings).await?;
        let endpoint = self.start_emulator(settings).await?;
        console.step(&format!("the AWS emulator is up at {endpoint}"));
        tool::deploy(settings, &endpoint).await?;
        let stack = Stack::read(&settings.stack_file())?;
        console.step(&format!("template.yaml is deployed as stack {}", stack.name));
        self.start_parts(settings, &stack, ports)?;
        console.step(&format!("the front door is open at {}", settings.front_door_url()));
        let key = prepare(settings, &stack).await?;
        console.step("the configuration is seeded and a key is made");
        let answer = ask_first(settings, &key).await?;
        console.step("a first call was answered");
        introduce(settings, &key, &answer)?;
        announce(settings)
    }

    async fn start_emulator(&mut self, settings: &Settings) -> Result<String, SupervisorError> {
        let log = settings.log_file("emulator");
        let spec = EmulatorSpec {
            python: settings.python.clone(),
            launcher: emulator_script("launch.py"),
            port: settings.emulator_port(),
            iam: settings.iam(),
            log_file: log.clone(),
            temp_dir: settings.temp_dir(),
            vectors_url: settings.standin_url(),
        };
        let emulator =
            Emulator::start(&spec).await.map_err(|error| SupervisorError::Emulator { error, log })?;
        let endpoint = emulator.endpoint().to_owned();
        self.emulator = Some(emulator);
        Ok(endpoint)
    }

    fn start_parts(
        &mut self,
        settings: &Settings,
        stack: &Stack,
        ports: Ports,
    ) -> Result<(), SupervisorError> {
        self.functions = wiring::functions(stack, settings);
        let stage = wiring::stage(stack)?;
        let door = Arc::new(FrontDoor::new(&stack.openapi, stage, self.functions.clone())?);
        for stream in &stack.streams {
            let pump = wiring::pump(stack, &self.functions, stream)?;
            self.parts.spawn(async { pump.run().await.into() });
        }
        for rule in &stack.schedules {
            let schedule = wiring::schedule(&self.functions, rule)?;
            self.parts.spawn(async { match schedule.run().await {} });
        }
        let (standin, meter) = Standin::with_indexes(stack.vector_indexes.clone()).metered(&stack.endpoint);
        self.parts.spawn(async { match meter.run().await {} });
        let extraction = wiring::embedded_metrics(stack, settings);
        self.parts.spawn(async { match extraction.run().await {} });
        self.parts.spawn(async {
            let Err(error) = standin.serve(ports.standin).await;
            SupervisorError::Standin(error)
        });
        self.parts.spawn(async {
            door.serve(ports.front_door).await;
            SupervisorError::FrontDoorClosed
        });
        Ok(())
    }

    /// Waits for a part to die.
    async fn watch(&mut self) -> SupervisorError {
        let Some(emulator) = &mut self.emulator else {
            return std::future::pending().await;
        };
        let log = emulator.log_file().to_owned();
        tokio::select! {
            error = emulator.ended() => SupervisorError::Emulator { error, log },
            Some(ended) = self.parts.join_next() => ended.unwrap_or_else(SupervisorError::Defect),
        }
    }

    /// Callers first, then the functions, and the emulator last, which the functions may still need.
    async fn stop(mut self) {
        self.parts.shutdown().await;
        for function in self.functions.values() {
            function.shut_down().await;
        }
        if let Some(emulator) = self.emulator.take() {
            emulator.stop().await;
        }
    }
}

/// Seeds the configuration, makes a key, and writes both where operators, clients and tests look for them.
async fn prepare(settings: &Settings, stack: &Stack) -> Result<String, SupervisorError> {
    let environment = Environment::of(stack, settings)?;
    tool::seed(settings, &environment).await?;
    let key = tool::create_key(settings, &environment).await?;
    write(&environment.with_key(&key), &settings.env_file())?;
    write(&Environment::of_functions(stack, settings), &settings.functions_env_file())?;
    Ok(key)
}

async fn ask_first(settings: &Settings, key: &str) -> Result<FirstAnswer, SupervisorError> {
    let answer = first_call::ask(&settings.front_door_url(), key).await;
    answer.map_err(|error| SupervisorError::FirstCall { error, log: settings.log_file("invoke") })
}

fn introduce(settings: &Settings, key: &str, answer: &FirstAnswer) -> Result<(), SupervisorError> {
    let checkout = std::env::current_dir().map_err(|source| SupervisorError::file(Path::new("."), source))?;
    let base_url = format!("{}/v1", settings.front_door_url());
    let example = Example { base_url: &base_url, key, checkout: &checkout };
    print(&example::introduce(&example, answer, &settings.state_dir));
    Ok(())
}

fn write(environment: &Environment, path: &Path) -> Result<(), SupervisorError> {
    environment.write(path).map_err(|source| SupervisorError::file(path, source))
}

/// Tells whoever waits for the ready file.
fn announce(settings: &Settings) -> Result<(), SupervisorError> {
    let Some(path) = &settings.ready_file else {
        return Ok(());
    };
    let ready = fs::write(path, settings.front_door_url());
    ready.map_err(|source| SupervisorError::file(path, source))
}
