//! What every store must do, written against the surface only: each engine runs the same cases.
//!
//! A case gets a database of its own, which it may open several times, as several hosts would.

pub(super) mod access;
pub(super) mod intake;
pub(super) mod leases;
pub(super) mod lists;
pub(super) mod pages;
pub(super) mod people;
pub(super) mod races;
pub(super) mod sample;
pub(super) mod search;
pub(super) mod settings;
pub(super) mod tasks;
pub(super) mod tenants;
pub(super) mod webhooks;

use super::Store;

/// A database made for one case.
pub(super) trait Database {
    /// A host's store on it.
    fn open(&self) -> Box<dyn Store>;
    /// The store of a host that has another key file.
    fn open_with_another_key(&self) -> Box<dyn Store>;
}

/// Makes a test of every case for the database that an expression makes.
macro_rules! suite {
    ($database:expr) => {
        $crate::storage::suite::cases! { $database;
            pages:
                a_page_is_written_whole,
                a_page_that_contradicts_the_data_changes_nothing,
                a_decision_that_panics_changes_nothing,
                a_passed_fence_changes_nothing,
                a_lease_that_ran_out_changes_nothing_although_nobody_took_over,
                a_rehearsal_leaves_no_trace,
                an_unchanged_order_is_not_loaded,
                an_order_forgets_its_fingerprint_when_it_is_written_otherwise,
                a_channel_that_is_set_anew_forgets_fingerprints,
                facts_wait_until_they_are_taken_back,
                an_order_is_found_by_its_item,
                a_fact_that_waits_under_its_item_comes_to_the_order_with_the_import,
                the_ledger_knows_stock_and_used_numbers,
                shortfall_is_summed_over_changes,
                two_hosts_draw_distinct_consecutive_numbers,
                a_person_edits_one_order_without_a_lease;
            races:
                a_series_turns_over_once_however_many_draw_from_it_at_midnight,
                a_persons_act_during_a_page_is_kept_and_keeps_the_page,
                a_page_keeps_what_the_person_does_who_holds_its_order;
            leases:
                one_run_holds_a_channel,
                a_lease_that_ran_out_is_taken_over_with_a_higher_epoch,
                releasing_a_passed_lease_frees_nothing,
                a_person_who_waits_goes_ahead_of_the_timer;
            tasks:
                tasks_are_made_once,
                channels_that_lack_tasks_are_found_by_connector,
                late_tasks_are_counted_as_the_task_list_calls_them,
                due_are_enabled_tasks_of_enabled_channels_that_no_run_holds,
                a_finished_run_shows_in_its_task,
                a_task_that_is_set_during_its_run_is_due_when_it_was_said,
                a_run_whose_host_died_fails_when_the_next_begins,
                a_run_that_was_passed_ends_as_lost_and_leaves_its_task_alone,
                a_run_begins_with_its_lease_and_gives_it_back_with_its_end,
                a_run_of_a_task_that_is_not_due_any_more_does_not_begin,
                a_run_learns_how_its_channel_stands,
                a_run_keeps_its_lines,
                of_quiet_runs_the_last_are_kept_and_of_others_all,
                a_run_tells_how_far_it_is_and_keeps_what_became_of_chosen_orders,
                two_runs_are_not_made_for_one_request,
                runs_are_listed_newest_first;
            lists:
                orders_are_filtered,
                orders_are_paged_by_code,
                changed_orders_are_paged_from_the_last_changed_one_on,
                an_order_is_found_by_our_code_or_the_channels_id,
                an_id_that_two_channels_have_is_refused,
                tasks_by_id_get_the_orders_that_they_are_about,
                orders_are_filtered_by_what_is_in_them,
                orders_are_found_in_all_channels_by_their_names,
                items_are_counted_per_channel_and_state,
                duties_are_listed_by_number;
            search:
                many_orders_are_found_page_by_page_by_how_a_word_begins,
                an_order_is_found_by_what_it_has_now,
                orders_that_were_copied_are_found_and_no_copy_has_their_words,
                a_tenant_finds_none_of_anothers_orders;
            settings:
                tenants_are_added_once_and_go_live,
                a_tenant_keeps_its_time_zone_and_takes_it_along,
                secrets_are_read_back_and_sealed_for_their_place,
                a_host_with_another_key_cannot_read_secrets,
                a_token_is_kept_unless_its_run_was_passed,
                secrets_that_were_replaced_meanwhile_are_not_replaced_again,
                a_bucket_lets_its_burst_through_and_then_paces,
                buckets_are_read_without_taking,
                a_run_that_was_passed_takes_nothing_from_a_bucket,
                stock_on_hand_is_set_and_what_is_blocked_stays,
                a_channel_is_switched_off_and_on,
                breakers_are_kept_until_they_are_struck_out,
                the_store_is_sound;
            access:
                a_key_is_kept_with_its_hash_until_it_is_revoked_and_after,
                the_keys_of_a_tenant_go_with_it,
                of_requests_with_one_key_one_is_the_first_and_the_others_get_its_answer,
                a_request_that_came_to_nothing_is_forgotten_and_an_answered_one_is_not,
                a_request_whose_host_died_is_taken_over_and_an_old_answer_is_forgotten,
                what_was_done_is_listed_newest_first_by_tenant;
            people:
                a_user_is_found_by_login_with_roles_and_no_two_share_one,
                a_role_is_set_changed_and_taken_away,
                a_session_is_known_until_it_is_ended_and_only_one_ends_it,
                sessions_that_are_over_are_forgotten_when_another_begins,
                a_new_password_and_a_disabled_user_have_no_sessions,
                filters_are_kept_by_name_for_their_tenant;
            intake:
                orders_are_added_and_replaced_and_nothing_else_is_touched,
                what_is_taken_by_other_orders_is_told,
                stock_that_only_new_orders_name_is_there,
                a_fact_that_waits_under_its_item_comes_to_the_order_that_was_handed_over,
                orders_of_a_channel_that_is_not_known_are_refused;
            tenants:
                an_export_of_an_import_of_an_export_is_equal,
                a_copy_brings_everything_back_and_lets_no_earlier_run_write,
                a_copy_that_is_not_whole_leaves_nothing,
                a_tenant_that_arrives_is_neither_shown_nor_run_until_it_is_there,
                missing_codes_follow_the_highest,
                an_import_replaces_everything_but_secrets_and_tasks,
                an_import_is_refused_while_a_run_holds_a_channel,
                a_snapshot_that_does_not_fit_together_changes_nothing,
                a_removed_tenant_leaves_nothing_and_touches_no_other,
                an_export_that_cannot_be_written_says_so;
            webhooks:
                a_change_is_told_with_its_transaction_or_not_at_all,
                nothing_is_written_down_for_a_tenant_without_webhooks,
                an_event_tells_what_one_transaction_changed_of_an_order,
                orders_that_are_handed_over_are_told_once_as_new,
                the_end_of_a_run_is_told_unless_the_timer_had_nothing_to_tell,
                a_webhook_is_told_of_the_kinds_that_it_asked_for,
                events_of_an_order_come_one_after_another_and_other_orders_go_on,
                one_host_sends_to_a_webhook_until_its_lease_has_run_out,
                a_webhook_that_was_away_gets_everything_at_once_when_it_is_back,
                a_disabled_webhook_keeps_what_waits_and_gets_it_when_it_is_enabled,
                a_delivery_that_was_given_up_lets_the_next_of_its_order_go,
                a_replay_tells_everything_again_in_order_under_the_same_ids,
                old_entries_go_unless_they_wait_for_an_enabled_webhook,
                a_secret_is_rotated_with_an_overlap_and_sealed_for_its_webhook,
                a_webhook_goes_with_what_waits_for_it,
                a_copy_brings_webhooks_back_and_lets_anybody_send;
        }
    };
}

macro_rules! cases {
    ($database:expr; $($module:ident: $($case:ident),+;)+) => {$(
        mod $module {
            $(
                #[tokio::test]
                async fn $case() {
                    $crate::storage::suite::$module::$case(&$database).await;
                }
            )+
        }
    )+};
}

pub(super) use {cases, suite};
