//! Steps that work on networks, machines and disks.

use runbook_step::StepKind;
use runbook_step::catalog::{change, query, wait};

mod azs_list;
mod eip_allocate;
mod image_find;
mod instance_find;
mod instance_monitor;
mod instance_protect;
mod instance_run;
mod instance_start;
mod instance_stop;
mod instance_terminate;
mod instance_wait;
mod instances;
mod internet_gateway_ensure;
mod launch_template_data;
mod launch_template_publish;
mod nat_gateway_create;
mod presign;
mod route_set;
mod route_table_ensure;
mod security_group_ensure;
mod security_group_rules;
mod snapshot_copy;
mod snapshot_create;
mod snapshot_latest;
mod snapshots;
mod subnet_ensure;
mod tag;
mod tags_set;
mod volume_attach;
mod volume_create;
mod vpc_ensure;

/// The step types of this module, sorted by name.
pub(crate) const STEPS: &[StepKind] = &[
    query::<azs_list::List>(),
    change::<eip_allocate::Allocate>(),
    query::<image_find::Find>(),
    query::<instance_find::Find>(),
    change::<instance_monitor::Monitor>(),
    change::<instance_protect::Protect>(),
    change::<instance_run::Run>(),
    change::<instance_start::Start>(),
    change::<instance_stop::Stop>(),
    change::<instance_terminate::Terminate>(),
    wait::<instance_wait::Until>(),
    change::<internet_gateway_ensure::Ensure>(),
    change::<launch_template_publish::Publish>(),
    change::<nat_gateway_create::Create>(),
    change::<route_set::Set>(),
    change::<route_table_ensure::Ensure>(),
    change::<security_group_ensure::Ensure>(),
    change::<snapshot_copy::Copy>(),
    change::<snapshot_create::Create>(),
    query::<snapshot_latest::Latest>(),
    change::<subnet_ensure::Ensure>(),
    change::<tags_set::Set>(),
    change::<volume_attach::Attach>(),
    change::<volume_create::Create>(),
    change::<vpc_ensure::Ensure>(),
];
