//! A world of its own, on virtual time.

use machinery::entropy::Entropy;
use simulator::apiserver::Options;
use simulator::clock::WorldClock;
use simulator::world::{World, WorldHandle};

/// Runs something in a world with all built-in controllers.
pub fn simulate<F: Future>(run: impl FnOnce(WorldHandle) -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock = WorldClock::anchored();
        let controllers = simulator::builtin::all();
        let world = World::new(
            Options::default(),
            Entropy::seeded(1),
            controllers,
            clock.now(),
        );
        let world = WorldHandle::new(world, clock);
        tokio::spawn(world.clone().pump());
        run(world).await
    })
}
