# A swarm on DigitalOcean: managers, workers, and PostgreSQL on a machine of its own, in one private
# network. An example to start from; it holds no state and no token:
#   export DIGITALOCEAN_TOKEN=...   TF_VAR_... as in variables.tf
#   terraform init && terraform plan -out tfplan && terraform apply tfplan
# Machines set themselves up with cloud-init; nothing is run over SSH from here, and no join token is
# written to a file: managers and workers are joined by hand, once (operations guide).

terraform {
  required_version = ">= 1.6"
  required_providers {
    digitalocean = {
      source  = "digitalocean/digitalocean"
      version = "2.67.0"
    }
  }
  # State holds what the machines were told. Keep it in a bucket of your own that is encrypted and
  # versioned, never in the repository; give its address with -backend-config.
  backend "s3" {
    key                         = "minitwit/terraform.tfstate"
    region                      = "us-east-1"
    use_lockfile                = true
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_region_validation      = true
    skip_requesting_account_id  = true
    skip_s3_checksum            = true
  }
}

provider "digitalocean" {}

resource "digitalocean_vpc" "minitwit" {
  name     = "minitwit-${var.region}"
  region   = var.region
  ip_range = var.private_range
}

resource "digitalocean_ssh_key" "admin" {
  name       = "minitwit-admin"
  public_key = var.admin_public_key
}

resource "digitalocean_droplet" "manager" {
  count      = var.managers
  name       = "minitwit-manager-${count.index + 1}"
  image      = var.image
  region     = var.region
  size       = var.manager_size
  vpc_uuid   = digitalocean_vpc.minitwit.id
  ssh_keys   = [digitalocean_ssh_key.admin.fingerprint]
  monitoring = true
  tags       = [digitalocean_tag.swarm.name]
  user_data  = local.setup_of.manager

  # A new setup is for new machines; it must not replace the ones that run.
  lifecycle {
    ignore_changes = [user_data, image, ssh_keys]
  }
}

resource "digitalocean_droplet" "worker" {
  count      = var.workers
  name       = "minitwit-worker-${count.index + 1}"
  image      = var.image
  region     = var.region
  size       = var.worker_size
  vpc_uuid   = digitalocean_vpc.minitwit.id
  ssh_keys   = [digitalocean_ssh_key.admin.fingerprint]
  monitoring = true
  tags       = [digitalocean_tag.swarm.name]
  user_data  = local.setup_of.worker

  lifecycle {
    ignore_changes = [user_data, image, ssh_keys]
  }
}

resource "digitalocean_volume" "database" {
  name                    = "minitwit-database"
  region                  = var.region
  size                    = var.database_disk_gib
  initial_filesystem_type = "ext4"

  lifecycle {
    prevent_destroy = true
  }
}

resource "digitalocean_droplet" "database" {
  name       = "minitwit-database"
  image      = var.image
  region     = var.region
  size       = var.database_size
  vpc_uuid   = digitalocean_vpc.minitwit.id
  ssh_keys   = [digitalocean_ssh_key.admin.fingerprint]
  monitoring = true
  tags       = [digitalocean_tag.database.name]
  volume_ids = [digitalocean_volume.database.id]
  user_data = templatefile("${path.module}/database.yaml", {
    admin_public_key = var.admin_public_key
    private_range    = var.private_range
    volume           = digitalocean_volume.database.name
    backup_script    = filebase64("${path.module}/../../.github/scripts/postgres-backup.sh")
  })

  lifecycle {
    ignore_changes = [user_data, image, ssh_keys]
  }
}

resource "digitalocean_reserved_ip" "site" {
  region     = var.region
  droplet_id = digitalocean_droplet.manager[0].id
}

resource "digitalocean_tag" "swarm" {
  name = "minitwit-swarm"
}

resource "digitalocean_tag" "database" {
  name = "minitwit-database"
}

locals {
  setup_of = {
    for role, is_manager in { manager = true, worker = false } :
    role => templatefile("${path.module}/swarm.yaml", {
      admin_public_key      = var.admin_public_key
      deployment_public_key = var.deployment_public_key
      is_manager            = is_manager
    })
  }
  everywhere = ["0.0.0.0/0", "::/0"]
}

# Public are 80 and 443. The service's ops pages, Prometheus, Grafana and PostgreSQL are not.
resource "digitalocean_firewall" "swarm" {
  name = "minitwit-swarm"
  tags = [digitalocean_tag.swarm.name]

  inbound_rule {
    protocol         = "tcp"
    port_range       = "22"
    source_addresses = var.admin_ranges
  }
  dynamic "inbound_rule" {
    for_each = ["80", "443"]
    content {
      protocol         = "tcp"
      port_range       = inbound_rule.value
      source_addresses = local.everywhere
    }
  }
  # The swarm among itself: management, gossip, overlay network.
  dynamic "inbound_rule" {
    for_each = [["tcp", "2377"], ["tcp", "7946"], ["udp", "7946"], ["udp", "4789"]]
    content {
      protocol    = inbound_rule.value[0]
      port_range  = inbound_rule.value[1]
      source_tags = [digitalocean_tag.swarm.name]
    }
  }
  # Says when a packet is too large for the way. Overlay networks stay unencrypted in the private network: that
  # would be protocol 50, which this firewall cannot let through.
  inbound_rule {
    protocol    = "icmp"
    source_tags = [digitalocean_tag.swarm.name]
  }

  dynamic "outbound_rule" {
    for_each = ["tcp", "udp"]
    content {
      protocol              = outbound_rule.value
      port_range            = "1-65535"
      destination_addresses = local.everywhere
    }
  }
  outbound_rule {
    protocol              = "icmp"
    destination_addresses = local.everywhere
  }
}

resource "digitalocean_firewall" "database" {
  name = "minitwit-database"
  tags = [digitalocean_tag.database.name]

  inbound_rule {
    protocol         = "tcp"
    port_range       = "22"
    source_addresses = var.admin_ranges
  }
  inbound_rule {
    protocol    = "tcp"
    port_range  = "5432"
    source_tags = [digitalocean_tag.swarm.name]
  }
  dynamic "outbound_rule" {
    for_each = ["tcp", "udp"]
    content {
      protocol              = outbound_rule.value
      port_range            = "1-65535"
      destination_addresses = local.everywhere
    }
  }
}
