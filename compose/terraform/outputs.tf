output "site_address" {
  description = "What the names of the site and of its api. host point to"
  value       = digitalocean_reserved_ip.site.ip_address
}

output "managers" {
  description = "Public and private address of each manager"
  value       = { for machine in digitalocean_droplet.manager : machine.name => [machine.ipv4_address, machine.ipv4_address_private] }
}

output "workers" {
  description = "Public and private address of each worker"
  value       = { for machine in digitalocean_droplet.worker : machine.name => [machine.ipv4_address, machine.ipv4_address_private] }
}

output "database_address" {
  description = "Private address of PostgreSQL, for the secret database_url"
  value       = digitalocean_droplet.database.ipv4_address_private
}
