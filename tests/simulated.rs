//! Every scenario on the simulator.

scenarios::each_scenario!(scenarios::simulated::test);

/// Every failure at every write: whole releases with their promotion, and such as are aborted, retried and taken back.
mod faults {
    use scenarios::explore::every_write;
    use scenarios::faults::Action;

    const CANARY: &str = "canary/is_released";
    const ABORTED_CANARY: &str = "canary/is_aborted_retried_and_taken_back";
    const BLUE_GREEN: &str = "blue_green/is_released";
    const ABORTED_BLUE_GREEN: &str = "blue_green/goes_back_by_reapplying_the_stable_image";

    #[test]
    fn crash_after_every_write_of_a_canary() {
        every_write(CANARY, Action::Crash);
    }

    #[test]
    fn crash_after_every_write_of_an_aborted_canary() {
        every_write(ABORTED_CANARY, Action::Crash);
    }

    #[test]
    fn crash_after_every_write_of_a_blue_green() {
        every_write(BLUE_GREEN, Action::Crash);
    }

    #[test]
    fn crash_after_every_write_of_an_aborted_blue_green() {
        every_write(ABORTED_BLUE_GREEN, Action::Crash);
    }

    #[test]
    fn lost_reply_to_every_write_of_a_canary() {
        every_write(CANARY, Action::Lost);
    }

    #[test]
    fn lost_reply_to_every_write_of_an_aborted_canary() {
        every_write(ABORTED_CANARY, Action::Lost);
    }

    #[test]
    fn lost_reply_to_every_write_of_a_blue_green() {
        every_write(BLUE_GREEN, Action::Lost);
    }

    #[test]
    fn lost_reply_to_every_write_of_an_aborted_blue_green() {
        every_write(ABORTED_BLUE_GREEN, Action::Lost);
    }

    #[test]
    fn conflict_at_every_write_of_a_canary() {
        every_write(CANARY, Action::Conflict);
    }

    #[test]
    fn conflict_at_every_write_of_an_aborted_canary() {
        every_write(ABORTED_CANARY, Action::Conflict);
    }

    #[test]
    fn conflict_at_every_write_of_a_blue_green() {
        every_write(BLUE_GREEN, Action::Conflict);
    }

    #[test]
    fn conflict_at_every_write_of_an_aborted_blue_green() {
        every_write(ABORTED_BLUE_GREEN, Action::Conflict);
    }
}

mod repeatable {
    use scenarios::explore::{print_traces, same_traces};
    use scenarios::scenarios::ALL;

    #[test]
    fn the_same_seed_gives_the_same_trace() {
        let names: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
        same_traces(&names, "repeatable::traces_asked_for_by_another_process");
    }

    #[test]
    fn traces_asked_for_by_another_process() {
        print_traces();
    }
}

mod rights {
    #[test]
    fn each_is_needed() {
        scenarios::rights::each_is_needed().unwrap();
    }
}

mod quiet {
    use scenarios::explore::a_quiet_day;

    #[test]
    fn a_day_after_a_canary() {
        a_quiet_day("canary/is_released");
    }

    #[test]
    fn a_day_after_a_blue_green() {
        a_quiet_day("blue_green/is_released");
    }
}
