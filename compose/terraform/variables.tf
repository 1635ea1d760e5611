variable "region" {
  description = "Region of all machines"
  type        = string
  default     = "fra1"
}

variable "private_range" {
  description = "Addresses of the private network; apart from those of the swarm's networks"
  type        = string
  default     = "10.80.0.0/20"
}

variable "deployment_public_key" {
  description = "Public SSH key of the user `deployer`, on managers alone"
  type        = string
  validation {
    condition     = can(regex("^(ssh-ed25519|ecdsa-sha2-nistp256) [A-Za-z0-9+/=]+( |$)", var.deployment_public_key))
    error_message = "The key has to be an ed25519 or ECDSA public key."
  }
}

variable "admin_public_key" {
  description = "Public SSH key of the user `admin`, who may become root; kept apart from the deployment key"
  type        = string
  validation {
    condition     = can(regex("^(ssh-ed25519|ecdsa-sha2-nistp256) [A-Za-z0-9+/=]+( |$)", var.admin_public_key))
    error_message = "The key has to be an ed25519 or ECDSA public key."
  }
  validation {
    condition     = split(" ", var.admin_public_key)[1] != split(" ", var.deployment_public_key)[1]
    error_message = "The key of the administrator has to be another than that of deployments."
  }
}

variable "admin_ranges" {
  description = "Networks that may use SSH, for instance [\"198.51.100.7/32\"]; at most a /16 of IPv4 or a /32 of IPv6"
  type        = list(string)
  validation {
    condition     = length(var.admin_ranges) > 0 && alltrue([for range in var.admin_ranges : can(cidrhost(range, 0))])
    error_message = "Each range has to be a network, such as 198.51.100.7/32 or 2001:db8::/48."
  }
  # Two halves of the internet are the internet.
  validation {
    condition = alltrue([
      for range in var.admin_ranges :
      try(tonumber(split("/", range)[1]), 0) >= (strcontains(range, ":") ? 32 : 16)
    ])
    error_message = "SSH must not be open to the world: a range is at most a /16 of IPv4 or a /32 of IPv6."
  }
}

variable "image" {
  description = "Operating system"
  type        = string
  default     = "debian-13-x64"
}

variable "managers" {
  description = "An odd number: the swarm lives while most of them do"
  type        = number
  default     = 1
  validation {
    condition     = contains([1, 3, 5], var.managers)
    error_message = "There have to be 1, 3 or 5 managers."
  }
}

variable "workers" {
  description = "Machines beside the managers"
  type        = number
  default     = 1
}

variable "manager_size" {
  description = "Size of a manager"
  type        = string
  default     = "s-2vcpu-4gb"
}

variable "worker_size" {
  description = "Size of a worker"
  type        = string
  default     = "s-2vcpu-2gb"
}

variable "database_size" {
  description = "Size of the machine of PostgreSQL"
  type        = string
  default     = "s-2vcpu-4gb"
}

variable "database_disk_gib" {
  description = "Disk of PostgreSQL with its backups, in GiB"
  type        = number
  default     = 50
}
